package cli

import (
	"github.com/spf13/cobra"

	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// complete tells a shell what may follow a flag.
func (o *checkOptions) complete(cmd *cobra.Command) {
	completions := o.completions()
	completions["ignore"], completions["var"] = cobra.NoFileCompletions, cobra.NoFileCompletions
	registerCompletions(cmd, completions)
}

func registerCompletions(cmd *cobra.Command, completions map[string]cobra.CompletionFunc) {
	for flag, complete := range completions {
		_ = cmd.RegisterFlagCompletionFunc(flag, complete) // the flag exists, once
	}
}

// formatNames offers formats, which a file may follow.
func formatNames(formats []report.Format) cobra.CompletionFunc {
	names := make([]cobra.Completion, 0, len(formats))
	for _, f := range formats {
		names = append(names, string(f))
	}
	return cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp)
}

// policyFiles offers files that may hold a policy.
func policyFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}
