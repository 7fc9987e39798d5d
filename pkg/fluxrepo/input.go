package fluxrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// input is a repository, with the part of it that is asked for.
type input struct {
	root    string
	display string
	parts   []part // of the repository; empty for all of it
	stdin   io.Reader
	only    []string // files that are all there is, where no repository is around them
}

// part is a file or folder of a repository.
type part struct{ rel string }

// maxStream bounds what is read from standard input, in bytes.
const maxStream = 64 << 20

const stdinName = "<stdin>"

// inputs sorts the paths by the repositories that they lie in.
func (o Options) inputs() ([]*input, error) {
	var out []*input
	for _, p := range o.Paths {
		if p == "" { // a variable of a script that is not set, most likely
			return nil, errors.New(`check "": an empty path; want a folder, a file or - (. is the current folder)`)
		}
		if p == "-" {
			if o.Stdin == nil {
				return nil, errors.New("-: no standard input to read")
			}
			if !slices.ContainsFunc(out, func(in *input) bool { return in.stdin != nil }) {
				out = append(out, &input{stdin: o.Stdin, display: "."})
			}
			continue
		}
		next, err := place(p)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(out, func(in *input) bool { return in.stdin == nil && in.root == next.root }); i >= 0 {
			have := out[i]
			switch {
			case len(have.parts) == 0 && len(have.only) == 0 || len(next.parts) == 0 && len(next.only) == 0:
				have.parts, have.only = nil, nil
			default:
				have.parts = append(have.parts, next.parts...)
				have.only = append(have.only, next.only...)
			}
			continue
		}
		out = append(out, next)
	}
	return out, nil
}

// place finds the repository around a path.
func place(p string) (*input, error) {
	given, err := filepath.Abs(p)
	abs := given
	if err == nil {
		abs, err = filepath.EvalSymlinks(given)
	}
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", p, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", p, err)
	}
	shown := filepath.ToSlash(shownAs(p, given, abs))
	switch {
	case info.IsDir():
		if root := rootOf(abs); root != abs && root != "" && !standsAlone(abs) {
			return partOf(root, abs, shown), nil
		}
		return &input{root: abs, display: shown}, nil
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("check %s: is neither a file nor a folder", p)
	}
	if root := rootOf(filepath.Dir(abs)); root != "" {
		return partOf(root, abs, shown), nil
	}
	in := partOf(filepath.Dir(abs), abs, shown)
	in.only = []string{abs}
	return in, nil
}

// shownAs is how a path is told to the user: as it was given, unless symbolic links lead elsewhere.
func shownAs(p, given, abs string) string {
	switch {
	case given == abs:
		return filepath.Clean(p)
	case filepath.IsAbs(p):
		return abs
	}
	wd, err := filepath.Abs(".")
	if err == nil {
		wd, err = filepath.EvalSymlinks(wd)
	}
	if err != nil {
		return abs
	}
	rel, err := filepath.Rel(wd, abs)
	if err != nil {
		return abs
	}
	return rel
}

func partOf(root, abs, shown string) *input {
	rel, err := filepath.Rel(root, abs)
	if err != nil {
		rel = "."
	}
	rel = filepath.ToSlash(rel)
	up := shown
	for range strings.Count(rel, "/") + 1 {
		up = path.Join(up, "..")
	}
	return &input{root: root, display: up, parts: []part{{rel}}}
}

// rootOf is the nearest folder with a .git, or "".
func rootOf(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// open reads what is asked for.
func (in *input) open(ctx context.Context, o Options) (*graph, error) {
	words := chartWords(o.Charts)
	if in.stdin != nil {
		data, err := io.ReadAll(io.LimitReader(in.stdin, maxStream+1))
		switch {
		case err != nil:
			return nil, fmt.Errorf("read standard input: %w", err)
		case len(data) > maxStream:
			return nil, fmt.Errorf("standard input is larger than %d MiB", maxStream>>20)
		case strings.TrimSpace(string(data)) == "":
			return nil, errors.New("standard input is empty; the program before the pipe may have failed")
		}
		r := emptyRepo(".", ".", words)
		r.add(stdinName, data)
		return newGraph(ctx, r, o), nil
	}
	if len(in.only) > 0 {
		r := emptyRepo(in.root, in.display, words)
		for _, abs := range in.only {
			f := &file{path: r.rel(abs), asked: true}
			r.files[f.path] = f
			r.folder(".").files = append(r.folder(".").files, f.path)
			r.inspect(f, make([]byte, 64<<10))
			r.read++
		}
		return newGraph(ctx, r, o), nil
	}
	r, err := scan(ctx, in.root, in.display, words, o)
	if err != nil {
		return nil, err
	}
	for _, p := range in.parts {
		if f := r.files[p.rel]; f != nil {
			f.asked = true
			r.look(f)
		}
	}
	return newGraph(ctx, r, o), nil
}

func emptyRepo(root, display string, words []string) *repo {
	r := newRepo(root, display, words)
	r.folder(".")
	r.readIgnoreFiles()
	return r
}

func (r *repo) add(name string, data []byte) {
	data = plainText(data)
	f := &file{path: name, asked: true, data: data, size: int64(len(data))}
	r.mark(f, data)
	f.readNames(data)
	r.files[name] = f
	r.read++
}

// has tells whether a file is asked for.
func (in *input) has(rel string) bool {
	return len(in.parts) == 0 || slices.ContainsFunc(in.parts, func(p part) bool { return within(rel, p.rel) })
}

// covers tells whether a release has to do with what is asked for.
func (in *input) covers(r *repo, rel *Release) bool {
	if in.has(r.unshow(rel.Place.File)) {
		return true
	}
	for _, f := range rel.Findings {
		if in.has(r.unshow(f.Place.File)) {
			return true
		}
	}
	return slices.ContainsFunc(rel.reads, in.has)
}

// below tells whether a Kustomization, or one below it, reads what is asked for.
func (g *graph) below(in *input, n *node) bool {
	yes := false
	seen := map[*tree]bool{}
	var visit func(t *tree)
	visit = func(t *tree) {
		if t == nil || seen[t] || yes {
			return
		}
		seen[t] = true
		t.all(func(f *file) bool {
			yes = yes || in.has(f.path)
			for _, k := range g.rawIn[f] {
				visit(k.tree)
			}
			return !yes
		})
	}
	for _, t := range n.trees {
		visit(t)
	}
	return yes
}
