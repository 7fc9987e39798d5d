package cli

import (
	"github.com/spf13/cobra"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// completeCheck tells a shell what may follow a flag. Without a word of it, files may.
func completeCheck(cmd *cobra.Command) {
	var formats []cobra.Completion
	for _, f := range report.Formats() {
		formats = append(formats, string(f))
	}
	nothing := cobra.FixedCompletions(nil, cobra.ShellCompDirectiveNoFileComp)
	for flag, complete := range map[string]cobra.CompletionFunc{
		"output":           cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp),
		"unresolved":       cobra.FixedCompletions([]cobra.Completion{string(policy.UnresolvedWarn), string(policy.UnresolvedDeny)}, cobra.ShellCompDirectiveNoFileComp),
		"private-registry": nothing,
		"ignore":           nothing,
		"var":              nothing,
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, complete) // the flag exists, once
	}
}
