package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxEdits is how many letters a mistyped command or flag may be away from one that is meant.
const maxEdits = 2

// noArgs refuses a word that is neither a command nor a flag.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return seeHelp(cmd, cobra.NoArgs(cmd, args), args[0], cmd)
	}
	return seeHelp(cmd, fmt.Errorf("unexpected argument %q", args[0]), "", cmd)
}

// flagError is what is said of a mistake in the flags.
func flagError(cmd *cobra.Command, err error) error {
	// Cobra compares what is typed with the names of commands.
	flags := &cobra.Command{SuggestionsMinimumDistance: maxEdits}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags.AddCommand(&cobra.Command{Use: "--" + f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	typed := ""
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		typed = unknown.GetSpecifiedName()
		if word := unknown.GetSpecifiedShortnames(); len(word) > 1 { // of -config, where --config is meant
			typed, _, _ = strings.Cut(word, "=")
		}
		typed = "--" + typed
	}
	return seeHelp(cmd, err, typed, flags)
}

// seeHelp says which of the commands may be meant by a word, and where to read on after a mistake in what was typed.
func seeHelp(cmd *cobra.Command, err error, typed string, among *cobra.Command) error {
	if strings.Trim(typed, "-") != "" { // else it is how every name begins
		if meant := among.SuggestionsFor(typed); len(meant) > 0 {
			err = fmt.Errorf("%w (did you mean %s?)", err, strings.Join(meant, " or "))
		}
	}
	return fmt.Errorf("%w; see \"%s --help\"", err, cmd.CommandPath())
}
