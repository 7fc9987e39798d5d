package worktree

import (
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
)

// Ignore is what source-controller leaves out of an artifact.
type Ignore struct {
	tree *Tree
	left map[string]bool
}

// domain stands for the repository in the patterns; any name does.
const domain = "repository"

// Ignoring adds spec.ignore of a source to the .sourceignore files; its patterns win. With a pattern of either,
// source-controller takes the defaults back, except those for Git's own files.
func (t *Tree) Ignoring(spec string) *Ignore {
	if known := t.ignores[spec]; known != nil {
		return known
	}
	out := &Ignore{tree: t, left: map[string]bool{}}
	t.ignores[spec] = out
	of := []string{domain}
	patterns := slices.Concat(t.patterns, sourceignore.ReadPatterns(strings.NewReader(spec), of))
	matcher := sourceignore.NewMatcher(slices.Concat(sourceignore.VCSPatterns(of), patterns))
	if len(patterns) == 0 {
		matcher = sourceignore.NewDefaultMatcher(nil, of)
	}
	for p := range t.files {
		if (len(patterns) > 0 || mayBeDefault(p)) && matcher.Match(steps(p), false) {
			out.left[p] = true
		}
	}
	return out
}

// mayBeDefault reports, faster than the patterns do, whether the defaults of sourceignore could be about a path.
func mayBeDefault(rel string) bool {
	stem := strings.TrimSuffix(strings.TrimSuffix(rel, ".yaml"), ".yml")
	return strings.Contains(stem, ".") || slices.Contains([]string{"appveyor", "cloudbuild", "codeship-services", "codeship-steps"}, path.Base(stem))
}

func steps(rel string) []string { return strings.Split(path.Join(domain, rel), "/") }

// File reports whether a file is left out.
func (g *Ignore) File(rel string) bool { return g.left[rel] }

// Dir reports whether a folder is left out: an artifact holds files only, and has no folder without one.
func (g *Ignore) Dir(rel string) bool {
	return !slices.ContainsFunc(g.tree.Below(rel), func(p string) bool { return !g.File(p) })
}
