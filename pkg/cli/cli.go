// Package cli is the command line: flags, wiring and exit codes, one file a command. It decides
// nothing about a release. It may import every other package of the project.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// Exit codes of every command.
const (
	ExitOK     = 0 // nothing denied
	ExitDenied = 1 // something denied
	ExitFailed = 2 // could not do the job: usage, unreadable or malformed input, no cluster
)

// errDenied ends a command with ExitDenied; its report has said why.
var errDenied = errors.New("denied")

// Run runs the program with its arguments (without the program's name) and returns the exit code.
// Reports go to stdout, diagnostics to stderr.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return ExitOK
	case errors.Is(err, errDenied):
		return ExitDenied
	default:
		fmt.Fprintln(stderr, "spegel-guard: "+report.Printable(err.Error()))
		return ExitFailed
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "spegel-guard",
		Short:         "Keep Spegel away from private registries",
		Long:          "spegel-guard finds Flux HelmReleases that would put Spegel between containerd and a private registry.",
		Args:          noArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(cmd.ErrOrStderr())
			_ = cmd.Help()
			return errors.New("a command is needed")
		},
	}
	root.SetFlagErrorFunc(seeHelp) // for the commands below, too
	root.AddCommand(newServe(), newCheck(), newAudit(), newDoctor(), newRules(), newVersion())
	return root
}

// noArgs refuses a word that is neither a command nor a flag.
func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return seeHelp(cmd, err)
	}
	return nil
}

// seeHelp says where to read on after a mistake in what was typed.
func seeHelp(cmd *cobra.Command, err error) error {
	return fmt.Errorf("%w; see \"%s --help\"", err, cmd.CommandPath())
}
