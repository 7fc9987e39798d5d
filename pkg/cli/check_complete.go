package cli

import "github.com/spf13/cobra"

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
