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

// File reports whether a file is left out.
func (g *Ignore) File(rel string) bool {
	return (!g.plain || mayBeDefault(rel)) && g.matcher.Match(under(rel), false)
}

// Dir reports whether a folder is left out: an artifact holds files only, and has no folder without one.
func (g *Ignore) Dir(rel string) bool {
	out, known := g.dirs[rel]
	if d := g.tree.Dir(rel); !known && d != nil {
		out = !slices.ContainsFunc(d.Files, func(name string) bool { return !g.File(path.Join(rel, name)) }) &&
			!slices.ContainsFunc(d.Dirs, func(name string) bool { return !g.Dir(path.Join(rel, name)) })
		g.dirs[rel] = out
	}
	return out
}

// mayBeDefault reports, faster than the patterns do, whether the defaults of sourceignore could be about a path.
func mayBeDefault(rel string) bool {
	switch path.Base(rel) {
	case "appveyor.yml", "cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml":
		return true
	}
	ext := path.Ext(rel)
	return ext != "" && !yamldoc.IsYAML(ext) || strings.Contains(strings.TrimSuffix(rel, ext), ".")
}
