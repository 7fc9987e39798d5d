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

	"golang.org/x/term"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// output is one report: a format and where it goes.
type output struct {
	format report.Format
	file   string // empty for standard output
}

type outputs []output

// parseOutputs reads FORMAT or FORMAT=FILE, each of one of the formats. Two reports to one place are refused, and so are files
// called YAML: no report is, and what is checked is.
func parseOutputs(args []string, formats []report.Format) (outputs, error) {
	var out outputs
	var errs []error
	taken := map[string]bool{}
	for _, arg := range args {
		name, file, toFile := strings.Cut(arg, "=")
		format, err := report.ParseFormat(name, formats)
		if file == "-" {
			toFile, file = false, ""
		}
		if file != "" {
			file = filepath.Clean(file)
		}
		switch ext := strings.ToLower(filepath.Ext(file)); {
		case err != nil:
			errs = append(errs, fmt.Errorf("--output %w", err))
		case toFile && file == "":
			errs = append(errs, fmt.Errorf("--output %s: no file after =", arg))
		case ext == ".yaml" || ext == ".yml":
			errs = append(errs, fmt.Errorf("--output %s: no report is YAML; use another name, so that no manifest is overwritten", arg))
		case taken[file]:
			errs = append(errs, fmt.Errorf("--output %s: another report goes to %s already; use FORMAT=FILE", arg, cmp.Or(file, "standard output")))
		}
		taken[file] = true
		out = append(out, output{format, file})
	}
	return out, errors.Join(errs...)
}

// write writes all reports, also after one could not be written. Those that are left when the context ends are not begun.
// The command, with what it was asked to look at, tells SARIF runs apart.
func (outs outputs) write(ctx context.Context, r *report.Report, command string, paths []string, stdout io.Writer, stdin []byte) error {
	v, _ := buildVersion()
	dir, _ := os.Getwd() // without one, names stay as they are
	options := report.Options{
		Version: v, Command: command, Paths: paths, Dir: dir, Root: fluxrepo.GitRoot(dir), BlobURL: blobURL(os.Getenv),
		ReadFile: func(name string) ([]byte, error) {
			if name == report.Stdin && len(stdin) <= maxSource {
				return stdin, nil
			}
			return readSource(name)
		},
	}
	return outs.each(ctx, stdout, func(w io.Writer, format report.Format, color bool) error {
		options.Color = color
		return format.Write(w, r, options)
	})
}

// each writes all reports by a function of one.
func (outs outputs) each(ctx context.Context, stdout io.Writer, write func(w io.Writer, format report.Format, color bool) error) error {
	var errs []error
	for _, out := range outs {
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

// readSource reads a file for its lines; anything but a regular file could block, and has none.
func readSource(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSource {
		return nil, fmt.Errorf("%s: not a regular file of at most %d bytes", name, maxSource)
	}
	return os.ReadFile(name)
}
