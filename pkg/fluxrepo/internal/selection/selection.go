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
	shown string // how root is shown
	below string // the working directory in it, unless that is root itself; empty where root is shown as an absolute path
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
		return &Selection{shown: ".", Alone: true, parts: []string{stdinName}}, nil
	}
	abs, err := filepath.Abs(p)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(abs)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, errors.New("is neither a file nor a folder")
	}
	s := &Selection{root: GitRoot(abs)}
	switch {
	case s.root == "" && !info.IsDir():
		s.root, s.Alone = filepath.Dir(abs), true
	case s.root == "", info.IsDir() && s.root != abs && standsAlone(ctx, abs, o):
		s.root = abs
	}
	s.name(filepath.IsAbs(p))
	if abs != s.root {
		rel, err := filepath.Rel(s.root, abs)
		if err != nil {
			return nil, err
		}
		s.parts = []string{filepath.ToSlash(rel)}
	}
	return s, nil
}

// name finds out how files are shown.
func (s *Selection) name(absolute bool) {
	s.shown = Shown(s.root, absolute)
	if path.IsAbs(s.shown) {
		return
	}
	if below, err := filepath.Rel(s.root, workingDir()); err == nil && filepath.IsLocal(below) && below != "." {
		s.below = below
	}
}

// Shown is how a file or folder is shown: relative to the working directory, except one elsewhere that is given as an
// absolute path. Links in its own path have to be followed before.
func Shown(dir string, absolute bool) string {
	rel, err := filepath.Rel(workingDir(), dir)
	if err != nil || absolute && !filepath.IsLocal(rel) {
		return filepath.ToSlash(dir)
	}
	return filepath.ToSlash(rel)
}

// workingDir is the working directory, with links followed; empty if it is not known.
func workingDir() string {
	wd, err := filepath.Abs(".")
	if err == nil {
		wd, err = filepath.EvalSymlinks(wd)
	}
	if err != nil {
		return ""
	}
	return wd
}

// GitRoot is the folder at or above this one that holds .git, as a folder or, in a worktree, a file; empty if none does.
func GitRoot(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
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
				return tree.Dir(to) != nil
			}
		}
	}
	return false
}

// Read reads the files of a repository, or the stream.
func (s *Selection) Read(ctx context.Context, stdin io.Reader, o worktree.Options) (*worktree.Tree, error) {
	o.Asked = s.parts
	if !s.Alone {
		tree, err := worktree.Scan(ctx, s.root, o)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", s.shown, err)
		}
		return tree, nil
	}
	var stream []byte
	if s.root == "" {
		var err error
		if stream, err = readStream(stdin); err != nil {
			return nil, err
		}
	}
	return worktree.Few(s.root, o, stream), nil
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
func (s *Selection) Show(file string) string {
	if rel, err := filepath.Rel(s.below, file); err == nil && s.below != "" {
		return filepath.ToSlash(rel)
	}
	return path.Join(s.shown, file)
}
