// Package selection finds the repositories that the paths of a call lie in, and the part of each that is asked for.
//
// In come paths; out go the trees of files, one a repository, and what says whether a file of it is asked for and how it
// is shown. The package must never look into files for more than whose repository they are. Of the project it may import
// worktree and yamldoc.
package selection

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

// Selection is a repository, or a stream, with the part of it that is asked for.
type Selection struct {
	// Alone says that the files are all there is: no repository is around them.
	Alone bool

	root  string // empty for a stream
	from  string // what files are shown relative to; empty where they are shown by absolute paths
	parts []string
}

// maxStream bounds what is read from standard input, in bytes.
const maxStream = 64 << 20

const stdinName = "<stdin>"

// Of sorts paths by the repositories that they lie in; "-" is a stream.
func Of(ctx context.Context, paths []string, o worktree.Options) ([]*Selection, error) {
	var out []*Selection
	for _, p := range paths {
		next, err := one(ctx, p, o)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", cmp.Or(p, `""`), err)
		}
		i := slices.IndexFunc(out, func(s *Selection) bool { return s.root == next.root })
		switch {
		case i < 0:
			out = append(out, next)
		case len(out[i].parts) == 0 || len(next.parts) == 0: // all of it
			out[i].parts, out[i].Alone = nil, false
		default:
			out[i].parts = append(out[i].parts, next.parts...)
		}
	}
	return out, nil
}

// one finds the repository around a path.
func one(ctx context.Context, p string, o worktree.Options) (*Selection, error) {
	switch p {
	case "": // a variable of a script that is not set, most likely
		return nil, errors.New("an empty path; want a folder, a file or - (. is the current folder)")
	case "-":
		return &Selection{Alone: true, parts: []string{stdinName}}, nil
	}
	abs, dir, git, err := Root(p)
	if err != nil {
		return nil, err
	}
	_, wd, _, _ := Root(".") // if it is not known, all is shown by absolute paths
	s := &Selection{root: cmp.Or(git, dir), from: wd, Alone: git == "" && dir != abs}
	if git != "" && git != abs && dir == abs && standsAlone(ctx, abs, o) {
		s.root = abs
	}
	if filepath.IsAbs(p) && !filepath.IsLocal(shown(wd, s.root)) {
		s.from = ""
	}
	if abs != s.root {
		s.parts = []string{shown(s.root, abs)}
	}
	return s, nil
}

// Root follows the links in a path. dir is the folder that it is or lies in, and git the one at or above that which holds .git, as
// a folder or, in a worktree, a file; empty if none does.
func Root(p string) (abs, dir, git string, err error) {
	if abs, err = filepath.Abs(p); err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	info, gone := os.Stat(abs)
	switch err = cmp.Or(err, gone); {
	case err != nil:
		return "", "", "", err
	case info.IsDir():
		dir = abs
	case info.Mode().IsRegular():
		dir = filepath.Dir(abs)
	default:
		return "", "", "", errors.New("is neither a file nor a folder")
	}
	for git = dir; ; git = filepath.Dir(git) {
		if _, err := os.Lstat(filepath.Join(git, ".git")); err == nil {
			return abs, dir, git, nil
		}
		if git == filepath.Dir(git) {
			return abs, dir, "", nil
		}
	}
}

// Shown is how a file or folder is shown: relative to the working directory. Links in its own path have to be followed before.
func Shown(name string) string {
	_, wd, _, _ := Root(".")
	return shown(wd, name)
}

func shown(from, name string) string {
	if rel, err := filepath.Rel(from, name); err == nil && from != "" {
		name = rel
	}
	return filepath.ToSlash(name)
}

// standsAlone reports whether a folder, though it lies in a repository, holds one of its own, an example say: the first
// Kustomization in it leads to a folder in it.
func standsAlone(ctx context.Context, dir string, o worktree.Options) bool {
	tree, err := worktree.Scan(ctx, dir, o)
	if err != nil {
		return false // the repository around it can't be read either
	}
	for _, p := range tree.Paths() {
		if tree.File(p).Marks&worktree.Kustomization == 0 {
			continue
		}
		docs, _ := tree.Documents(p) // what can't be read says nothing
		for _, doc := range docs {
			to := path.Join(".", yamldoc.Text(doc, "spec", "path"))
			if strings.HasPrefix(yamldoc.Text(doc, "apiVersion"), "kustomize.toolkit.fluxcd.io/") && to != "." {
				return tree.IsDir(to)
			}
		}
	}
	return false
}

// Read reads the files of a repository, or the stream.
func (s *Selection) Read(ctx context.Context, stdin io.Reader, o worktree.Options) (*worktree.Tree, error) {
	o.Asked = s.parts
	switch {
	case s.root == "":
		data, err := readStream(stdin)
		return worktree.Few("", o, data), err
	case s.Alone:
		return worktree.Few(s.root, o, nil), nil
	}
	tree, err := worktree.Scan(ctx, s.root, o)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.Show("."), err)
	}
	return tree, nil
}

func readStream(stdin io.Reader) ([]byte, error) {
	if stdin == nil {
		return nil, errors.New("-: no standard input to read")
	}
	data, err := io.ReadAll(io.LimitReader(stdin, maxStream+1))
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

// Has reports whether a file is asked for.
func (s *Selection) Has(file string) bool {
	return len(s.parts) == 0 || slices.ContainsFunc(s.parts, func(p string) bool { return worktree.Within(file, p) })
}

// Names reports whether the user named a file, or the very folder that it lies in.
func (s *Selection) Names(file string) bool {
	return slices.ContainsFunc(s.parts, func(p string) bool { return p == file || p == path.Dir(file) })
}

// Show is how a file of the repository is told to the user.
func (s *Selection) Show(file string) string { return shown(s.from, filepath.Join(s.root, file)) }
