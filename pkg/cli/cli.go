// Package cli is the command line: flags, wiring and exit codes, one file a command. It decides
// nothing about a release. It may import every other package of the project.
package cli

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"strings"

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
	addCommands(root)
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
	var version bool
	root := &cobra.Command{
		Use:           "spegel-guard",
		Short:         "Keep Spegel away from private registries",
		Long:          "spegel-guard finds Flux HelmReleases that would put Spegel between containerd and a private registry.",
		Args:          noArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if version {
				return printVersion(cmd.OutOrStdout())
			}
			return needsCommand(cmd, args)
		},
	}
	root.Flags().BoolVar(&version, "version", false, "print the version")
	root.SuggestionsMinimumDistance = maxEdits
	root.SetFlagErrorFunc(flagError) // for the commands below, too
	return root
}

// addCommands adds all commands, those of cobra included, which write to where the root writes by now.
func addCommands(root *cobra.Command) {
	root.AddCommand(newServe(), newCheck(), newAudit(), newDoctor(), newRules(), newVersion())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	complete(root)
	for _, cmd := range root.Commands() {
		describe(cmd)
		complete(cmd)
		switch cmd.Name() {
		case "help": // of cobra, like the next; of a command that there is not, it would print the help of the program
			cmd.Args = func(_ *cobra.Command, args []string) error {
				about, rest, _ := root.Find(args) // only the arguments can be wrong
				return about.ValidateArgs(rest)
			}
		case "completion":
			cmd.Args, cmd.RunE, cmd.SuggestionsMinimumDistance = noArgs, needsCommand, maxEdits
		}
	}
}

// needsCommand is what a command without a job of its own does: it prints its help, and fails.
func needsCommand(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(cmd.ErrOrStderr())
	_ = cmd.Help()
	return errors.New("a command is required")
}

//go:embed help
var help embed.FS

// describe gives a command its text, where it has one: what it does, and examples below a line that says so.
func describe(cmd *cobra.Command) {
	if text, err := help.ReadFile("help/" + cmd.Name() + ".txt"); err == nil {
		cmd.Long, cmd.Example, _ = strings.Cut(strings.TrimSuffix(string(text), "\n"), "\n\nExamples:\n")
	}
}
