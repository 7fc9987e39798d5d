package cli

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// complete has a shell offer what may follow each flag of a command: the formats of its reports, what is in the table, files
// after the flags that name one, and nothing after the others.
func complete(cmd *cobra.Command, formats []report.Format) {
	const none = cobra.ShellCompDirectiveNoFileComp
	names := make([]cobra.Completion, 0, len(formats))
	for _, f := range formats {
		names = append(names, string(f))
	}
	const files, dirs = cobra.ShellCompDirectiveFilterFileExt, cobra.ShellCompDirectiveFilterDirs
	table := map[string]cobra.CompletionFunc{
		"output":     cobra.FixedCompletions(names, none),
		"unresolved": cobra.FixedCompletions([]cobra.Completion{string(policy.UnresolvedWarn), string(policy.UnresolvedDeny)}, none),
		"config":     cobra.FixedCompletions([]cobra.Completion{"yaml", "yml"}, files),
		"bundle":     cobra.FixedCompletions([]cobra.Completion{"zip", "tar", "tar.gz", "tgz"}, files),
		"node-root":  cobra.FixedCompletions(nil, dirs),
		"context":    contexts,
		"kubeconfig": nil, "vars": nil, // any file
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		offer, known := table[f.Name]
		if !known {
			offer = cobra.NoFileCompletions
		}
		if offer != nil {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, offer) // the flag exists, once
		}
	})
}

// contexts offers those of the kubeconfig.
func contexts(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	o := clusterOptions{kubeconfig: cmd.Flag("kubeconfig").Value.String()}
	config, err := o.loader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(config.Contexts)), cobra.ShellCompDirectiveNoFileComp
}
