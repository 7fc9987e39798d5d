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
}

// domain stands for the repository in the matcher; any name does.
const domain = "repository"

// Ignoring adds spec.ignore of a source to the .sourceignore files; its patterns win. With a pattern of either,
// source-controller takes the defaults back, except those for Git's own files.
func (t *Tree) Ignoring(spec string) *Ignore {
	of := []string{domain}
	patterns := slices.Concat(t.patterns, sourceignore.ReadPatterns(strings.NewReader(spec), of))
	if len(patterns) == 0 {
		return &Ignore{spec, t, sourceignore.NewDefaultMatcher(nil, of), true}
	}
	return &Ignore{spec, t, sourceignore.NewMatcher(slices.Concat(sourceignore.VCSPatterns(of), patterns)), false}
}

func steps(rel string) []string { return strings.Split(path.Join(domain, rel), "/") }

// File reports whether a file is left out.
func (g *Ignore) File(rel string) bool {
	return (!g.plain || mayBeDefault(rel)) && g.matcher.Match(steps(rel), false)
}

// Dir reports whether a folder is left out: an artifact holds files only, and has no folder without one.
func (g *Ignore) Dir(rel string) bool {
	return !slices.ContainsFunc(g.tree.Below(rel), func(p string) bool { return !g.File(p) })
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
