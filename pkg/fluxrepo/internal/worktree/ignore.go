package worktree

import (
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Ignore knows what source-controller leaves out of an artifact.
type Ignore struct {
	Spec    string // spec.ignore of the source
	tree    *Tree
	matcher gitignore.Matcher
	plain   bool // nothing but the defaults
	dirs    map[string]bool
}

// domain stands for the repository in the matcher; any name does.
func domain() []string { return []string{"repository"} }

// Ignoring adds spec.ignore of a source to the .sourceignore files; its patterns win. With a pattern of either,
// source-controller takes the defaults back, except those for Git's own files.
func (t *Tree) Ignoring(spec string) *Ignore {
	patterns := slices.Concat(t.patterns, sourceignore.ReadPatterns(strings.NewReader(spec), domain()))
	g := &Ignore{Spec: spec, tree: t, plain: len(patterns) == 0, dirs: map[string]bool{".": false}}
	if g.plain {
		g.matcher = sourceignore.NewDefaultMatcher(nil, domain())
	} else {
		g.matcher = sourceignore.NewMatcher(slices.Concat(sourceignore.VCSPatterns(domain()), patterns))
	}
	return g
}

func under(rel string) []string {
	if rel == "." {
		return domain()
	}
	return append(domain(), strings.Split(rel, "/")...)
}

// File reports whether a file is left out. A pattern for a folder does not hold for a file in it that a later
// pattern brings back: source-controller asks for each file.
func (g *Ignore) File(rel string) bool {
	if g.plain {
		return g.Dir(path.Dir(rel)) || mayBeDefault(path.Base(rel)) && g.matcher.Match(under(rel), false)
	}
	return g.matcher.Match(under(rel), false)
}

// Dir reports whether a folder is left out, with everything in it.
func (g *Ignore) Dir(rel string) bool {
	out, known := g.dirs[rel]
	if known {
		return out
	}
	if g.plain {
		out = g.Dir(path.Dir(rel)) || mayBeDefault(path.Base(rel)) && g.matcher.Match(under(rel), true)
	} else {
		out = g.matcher.Match(under(rel), true) && !g.keeps(rel)
	}
	g.dirs[rel] = out
	return out
}

// keeps reports whether anything in a folder is not left out.
func (g *Ignore) keeps(rel string) bool {
	d := g.tree.Dir(rel)
	if d == nil {
		return false
	}
	return slices.ContainsFunc(d.Files, func(name string) bool { return !g.File(path.Join(rel, name)) }) ||
		slices.ContainsFunc(d.Dirs, func(name string) bool { return !g.Dir(path.Join(rel, name)) })
}

// mayBeDefault reports, faster than the patterns do, whether the defaults of sourceignore could be about a name.
func mayBeDefault(name string) bool {
	if strings.HasPrefix(name, ".") || !yamldoc.IsYAML(name) && path.Ext(name) != "" {
		return true
	}
	switch name {
	case "appveyor.yml", "cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml":
		return true
	}
	return false
}
