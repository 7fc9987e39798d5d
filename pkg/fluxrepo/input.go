package fluxrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// input is a repository, with the part of it that is asked for.
type input struct {
	root    string
	display string
	parts   []string // files and folders of it that are asked for; empty for all
	stdin   io.Reader
	only    []string // files that are all there is, where no repository is around them
}

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
	return &input{root: root, display: up, parts: []string{rel}}
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

// open reads what is asked for. alone says that no repository is around it.
func (in *input) open(ctx context.Context, o Options) (tree *worktree.Tree, alone bool, err error) {
	switch {
	case in.stdin != nil:
		data, err := io.ReadAll(io.LimitReader(in.stdin, maxStream+1))
		switch {
		case err != nil:
			return nil, false, fmt.Errorf("read standard input: %w", err)
		case len(data) > maxStream:
			return nil, false, fmt.Errorf("standard input is larger than %d MiB", maxStream>>20)
		case strings.TrimSpace(string(data)) == "":
			return nil, false, errors.New("standard input is empty; the program before the pipe may have failed")
		}
		return worktree.Stream(stdinName, o.Charts, data), true, nil
	case len(in.only) > 0:
		return worktree.Few(in.root, o.Charts, in.only), true, nil
	}
	tree, err = worktree.Scan(ctx, in.root, worktree.Options{Words: o.Charts, Workers: o.Workers, Progress: o.Progress, Shown: in.display})
	if err != nil {
		return nil, false, err
	}
	for _, p := range in.parts {
		if f := tree.File(p); f != nil {
			f.Asked = true
			tree.Look(p)
		}
	}
	return tree, false, nil
}

// has reports whether a file is asked for.
func (in *input) has(rel string) bool {
	return len(in.parts) == 0 || slices.ContainsFunc(in.parts, func(p string) bool { return worktree.Within(rel, p) })
}

// names reports whether the user named a file, or the very folder that it lies in.
func (in *input) names(rel string) bool {
	return in.stdin != nil || slices.ContainsFunc(in.parts, func(p string) bool { return p == rel || p == path.Dir(rel) })
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

// standsAlone reports whether a folder, though it lies in a repository, holds one of its own: its Kustomizations' paths
// lead to folders in it.
func standsAlone(dir string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	alone := false
	// what can't be read, or be decoded, says nothing
	_ = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || alone {
			return fs.SkipAll
		}
		info, infoErr := d.Info()
		if infoErr != nil || !d.Type().IsRegular() || !yamldoc.IsYAML(p) || info.Size() > 1<<20 {
			return nil //nolint:nilerr // see above
		}
		data, err := root.ReadFile(p)
		if err != nil || !bytes.Contains(data, []byte("kustomize.toolkit.fluxcd.io")) {
			return nil //nolint:nilerr // see above
		}
		docs, _ := yamldoc.Decode(data)
		for _, doc := range docs {
			if to := yamldoc.Text(doc, "spec", "path"); yamldoc.IsKind(doc, "kustomize.toolkit.fluxcd.io", "Kustomization") && strings.Trim(to, "./") != "" {
				info, err := root.Stat(strings.TrimPrefix(path.Clean("/"+to), "/"))
				alone = err == nil && info.IsDir()
				return fs.SkipAll
			}
		}
		return nil
	})
	return alone
}
