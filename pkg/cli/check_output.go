package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// output is one report: a format and where it goes.
type output struct {
	format report.Format
	file   string // empty for standard output
}

// outputs are the reports that a command is to write.
type outputs struct {
	formats []report.Format // that the command has
	args    []string        // as they are typed
	all     []output
}

// flag adds --output to a command that has these formats.
func (outs *outputs) flag(cmd *cobra.Command, formats ...report.Format) {
	outs.formats = formats
	names := report.Names(formats)
	last := len(names) - 1
	usage := fmt.Sprintf("report, as FORMAT for standard output or FORMAT=FILE: %s or %s (repeatable)", strings.Join(names[:last], ", "), names[last])
	cmd.Flags().StringArrayVarP(&outs.args, "output", "o", []string{string(report.Text)}, usage)
	_ = cmd.RegisterFlagCompletionFunc("output", outs.complete) // the flag is there, and has none yet
}

// parse reads FORMAT or FORMAT=FILE. Two reports to one place are refused, and so are files called YAML: no report is, and
// what is checked is.
func (outs *outputs) parse() error {
	var errs []error
	taken := map[string]bool{}
	for _, arg := range outs.args {
		name, file, toFile := strings.Cut(arg, "=")
		format, err := report.ParseFormat(name, outs.formats)
		if file == "-" {
			toFile, file = false, ""
		}
		if file != "" {
			file = filepath.Clean(file)
		}
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("--output %w", err))
		case toFile && file == "":
			errs = append(errs, fmt.Errorf("--output %s: no file after =", arg))
		case isYAML(file):
			errs = append(errs, fmt.Errorf("--output %s: no report is YAML; use another name, so that no manifest is overwritten", arg))
		case taken[file]:
			errs = append(errs, fmt.Errorf("--output %s: another report goes to %s already; use FORMAT=FILE", arg, cmp.Or(file, "standard output")))
		}
		taken[file] = true
		outs.all = append(outs.all, output{format, file})
	}
	return errors.Join(errs...)
}

func isYAML(file string) bool {
	ext := strings.ToLower(filepath.Ext(file))
	return ext == ".yaml" || ext == ".yml"
}

// complete offers the formats to a shell, and after FORMAT= the files that there are. By itself a shell would look for files
// whose names begin with FORMAT=.
func (outs *outputs) complete(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	format, file, named := strings.Cut(typed, "=")
	if !named {
		return report.Names(outs.formats), cobra.ShellCompDirectiveNoFileComp
	}
	var offered []cobra.Completion
	directive := cobra.ShellCompDirectiveNoFileComp
	found, _ := filepath.Glob(file + "*") // nothing for a bad pattern
	for _, name := range found {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			name += "/"
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		if !isYAML(name) {
			offered = append(offered, format+"="+name)
		}
	}
	return offered, directive
}

// write writes all reports, also after one could not be written. Those that are left when the context ends are not begun.
// The command, with what it was asked to look at, tells SARIF runs apart.
func (outs *outputs) write(ctx context.Context, r *report.Report, command string, paths []string, stdout io.Writer, stdin []byte) error {
	v, _ := buildVersion()
	dir, root, _ := fluxrepo.Root(".") // without one, names stay as they are
	options := report.Options{
		Version: v, Command: command, Paths: paths, Dir: dir, Root: root, BlobURL: blobURL(os.Getenv),
		ReadFile: func(name string) ([]byte, error) {
			if name == report.Stdin && len(stdin) <= maxSource {
				return stdin, nil
			}
			return policy.ReadFile(name, maxSource)
		},
	}
	return outs.each(ctx, stdout, func(w io.Writer, format report.Format, color bool) error {
		options.Color = color
		return format.Write(w, r, options)
	})
}

// each writes all reports by a function of one.
func (outs *outputs) each(ctx context.Context, stdout io.Writer, write func(w io.Writer, format report.Format, color bool) error) error {
	var errs []error
	for _, out := range outs.all {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		var buf bytes.Buffer
		err := write(&buf, out.format, out.file == "" && wantsColor(stdout))
		if err == nil && out.file == "" {
			_, err = stdout.Write(buf.Bytes())
		} else if err == nil {
			err = os.WriteFile(out.file, buf.Bytes(), 0o644) //nolint:gosec // it holds no secret, and others may read it
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s report: %w", out.format, err))
		}
	}
	return errors.Join(errs...)
}

// blobURL is where GitHub shows the files of the commit that its workflow runs on; empty elsewhere. The variables are
// GitHub's: https://docs.github.com/actions/reference/variables-reference
func blobURL(env func(string) string) string {
	server, repository, commit := env("GITHUB_SERVER_URL"), env("GITHUB_REPOSITORY"), env("GITHUB_SHA")
	if server == "" || repository == "" || commit == "" {
		return ""
	}
	return server + "/" + repository + "/blob/" + commit
}

// wantsColor follows https://no-color.org, where a person sees what is written.
func wantsColor(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// maxSource bounds a file whose lines are shown, in bytes.
const maxSource = 4 << 20
