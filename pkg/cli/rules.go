package cli

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
	"github.com/spf13/cobra"

	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func newRules() *cobra.Command {
	var outs outputs
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List the rules",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := outs.parse(); err != nil {
				return err
			}
			return outs.each(cmd.Context(), cmd.OutOrStdout(), writeRules)
		},
	}
	outs.flag(cmd, report.Text, report.JSON, report.Markdown)
	return cmd
}

//go:embed rules.md.tmpl
var rulesPage string

func writeRules(w io.Writer, format report.Format, _ bool) error {
	switch rules := validate.Rules(); format {
	case report.JSON:
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(rules)
	case report.Markdown:
		page, err := template.New("rules").Parse(rulesPage)
		if err != nil {
			return err
		}
		return page.Execute(w, rules)
	default:
		tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tab, "RULE\tDEFAULT\tFINDS")
		for _, r := range rules {
			fmt.Fprintf(tab, "%s\t%s\t%s\n", r.ID, r.Default, r.Title)
		}
		return tab.Flush()
	}
}
