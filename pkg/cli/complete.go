package cli

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// complete has a shell offer what may follow each flag of a command, and the command itself: what is in the table, files after
// the flags that name one, paths after check, and nothing after the others. What offers something already is left alone.
func complete(cmd *cobra.Command) {
	const none, files, dirs = cobra.ShellCompDirectiveNoFileComp, cobra.ShellCompDirectiveFilterFileExt, cobra.ShellCompDirectiveFilterDirs
	table := map[string]cobra.CompletionFunc{
		"unresolved": cobra.FixedCompletions([]cobra.Completion{string(policy.UnresolvedWarn), string(policy.UnresolvedDeny)}, none),
		"config":     cobra.FixedCompletions([]cobra.Completion{"yaml", "yml"}, files),
		"bundle":     cobra.FixedCompletions([]cobra.Completion{"zip", "tar", "tar.gz", "tgz"}, files),
		"node-root":  cobra.FixedCompletions(nil, dirs),
		"cert-dir":   cobra.FixedCompletions(nil, dirs),
		"context":    contexts,
		"kubeconfig": nil, "vars": nil, // any file
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		offer, known := table[f.Name]
		if !known {
			offer = cobra.NoFileCompletions
		}
		if offer != nil {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, offer) // it fails where the flag has one
		}
	})
	if cmd.ValidArgsFunction == nil && cmd.Args != nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
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
