package fluxrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// input is a repository, or a stream, with the part of it that is asked for.
type input struct {
	root    string // empty for a stream
	display string // how root is shown
	parts   []string
	lone    bool // parts are all there is: no repository is around them
}

// maxStream bounds what is read from standard input, in bytes.
const maxStream = 64 << 20

const stdinName = "<stdin>"

// inputs sorts the paths by the repositories that they lie in.
func (o Options) inputs(ctx context.Context) ([]*input, error) {
	var out []*input
	for _, p := range o.Paths {
		next, err := o.input(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", cmp.Or(p, `""`), err)
		}
		i := slices.IndexFunc(out, func(in *input) bool { return in.root == next.root })
		switch {
		case i < 0:
			out = append(out, next)
		case len(out[i].parts) == 0 || len(next.parts) == 0: // all of it
			out[i].parts, out[i].lone = nil, false
		default:
			out[i].parts = append(out[i].parts, next.parts...)
		}
	}
	return out, nil
}

// input finds the repository around a path.
func (o Options) input(ctx context.Context, p string) (*input, error) {
	switch p {
	case "": // a variable of a script that is not set, most likely
		return nil, errors.New("an empty path; want a folder, a file or - (. is the current folder)")
	case "-":
		return &input{display: "."}, nil
	}
	abs, err := filepath.Abs(p)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, errors.New("is neither a file nor a folder")
	}
	in := &input{root: GitRoot(abs)}
	switch {
	case in.root == "" && info.IsDir():
		in.root = abs
	case in.root == "":
		in.root, in.lone = filepath.Dir(abs), true
	case info.IsDir() && in.root != abs:
		alone, err := o.standsAlone(ctx, abs)
		if err != nil {
			return nil, err
		}
		if alone {
			in.root = abs
		}
	}
	in.display = Displayed(in.root, filepath.IsAbs(p))
	if abs != in.root {
		rel, err := filepath.Rel(in.root, abs)
		if err != nil {
			return nil, err
		}
		in.parts = []string{filepath.ToSlash(rel)}
	}
	return in, nil
}

// Displayed is how a file or folder is shown: relative to the working directory, except one elsewhere that is given as an
// absolute path. Links in its own path have to be followed before.
func Displayed(dir string, absolute bool) string {
	wd, err := filepath.Abs(".")
	if err == nil {
		wd, err = filepath.EvalSymlinks(wd)
	}
	if err != nil {
		return filepath.ToSlash(dir)
	}
	rel, err := filepath.Rel(wd, dir)
	if err != nil || absolute && !filepath.IsLocal(rel) {
		return filepath.ToSlash(dir)
	}
	return filepath.ToSlash(rel)
}

// GitRoot is the folder at or above this one that holds .git, as a folder or, in a worktree, a file; empty if none does.
func GitRoot(dir string) string {
	for dir != "" {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return ""
}

// standsAlone reports whether a folder, though it lies in a repository, holds one of its own, an example say: the first
// Kustomization in it leads to a folder in it.
func (o Options) standsAlone(ctx context.Context, dir string) (bool, error) {
	tree, err := worktree.Scan(ctx, dir, worktree.Options{Words: o.Charts, Workers: o.Workers, Shown: dir})
	if err != nil {
		return false, err
	}
	for _, p := range tree.Paths() {
		if tree.File(p).Marks&worktree.Kustomization == 0 {
			continue
		}
		docs, _ := tree.Documents(p) // what can't be read says nothing
		for _, doc := range docs {
			to := path.Join(".", yamldoc.Text(doc, "spec", "path"))
			if yamldoc.IsKind(doc, "kustomize.toolkit.fluxcd.io", "Kustomization") && to != "." {
				return tree.Dir(to) != nil, nil
			}
		}
	}
	return false, nil
}

// open reads what is asked for.
func (in *input) open(ctx context.Context, o Options) (*worktree.Tree, error) {
	switch {
	case in.root == "":
		data, err := o.readStream()
		if err != nil {
			return nil, err
		}
		return worktree.Stream(stdinName, o.Charts, data), nil
	case in.lone:
		return worktree.Few(in.root, o.Charts, in.parts), nil
	}
	tree, err := worktree.Scan(ctx, in.root, worktree.Options{Words: o.Charts, Workers: o.Workers, Progress: o.Progress, Shown: in.display})
	if err != nil {
		return nil, err
	}
	for _, p := range in.parts {
		tree.Ask(p)
	}
	return tree, nil
}

func (o Options) readStream() ([]byte, error) {
	if o.Stdin == nil {
		return nil, errors.New("-: no standard input to read")
	}
	data, err := io.ReadAll(io.LimitReader(o.Stdin, maxStream+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read standard input: %w", err)
	case len(data) > maxStream:
		return nil, fmt.Errorf("standard input is larger than %d MiB", maxStream>>20)
	case strings.TrimSpace(string(data)) == "":
		return nil, errors.New("standard input is empty; the program before the pipe may have failed")
	}
	return data, nil
}

// has reports whether a file is asked for.
func (in *input) has(rel string) bool {
	return len(in.parts) == 0 || slices.ContainsFunc(in.parts, func(p string) bool { return worktree.Within(rel, p) })
}

// names reports whether the user named a file, or the very folder that it lies in.
func (in *input) names(rel string) bool {
	return in.root == "" || slices.ContainsFunc(in.parts, func(p string) bool { return p == rel || p == path.Dir(rel) })
}

// show is how a path of the repository is told to the user.
func (in *input) show(rel string) string { return path.Join(in.display, rel) }

// unshow is the path in the repository that was shown.
func (in *input) unshow(shown string) string {
	if in.display == "." {
		return shown
	}
	return strings.TrimPrefix(strings.TrimPrefix(shown, in.display), "/")
}
