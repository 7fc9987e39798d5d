package fluxrepo

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// ignored tells what source-controller leaves out of the artifact.
type ignored struct {
	files   []*file // .sourceignore
	matcher gitignore.Matcher
	dirs    map[string]bool
	plain   bool // nothing but the defaults
}

// domain stands for the repository in the matcher; any name does.
var domain = []string{"repository"}

func (g *ignored) rules(r *repo) {
	slices.SortFunc(g.files, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	var patterns []gitignore.Pattern
	for _, f := range g.files {
		data, err := r.content(f)
		if err != nil {
			continue
		}
		patterns = append(patterns, sourceignore.ReadPatterns(bytes.NewReader(data), under(path.Dir(f.path)))...)
	}
	g.plain = len(patterns) == 0
	g.matcher = sourceignore.NewDefaultMatcher(patterns, domain)
	g.dirs = map[string]bool{".": false}
}

func under(rel string) []string {
	if rel == "." {
		return slices.Clone(domain)
	}
	return append(slices.Clone(domain), strings.Split(rel, "/")...)
}

// has tells whether a file or folder is left out, or one above it.
func (g *ignored) has(rel string, isDir bool) bool {
	if !isDir {
		return g.has(path.Dir(rel), true) || g.match(rel, false)
	}
	out, known := g.dirs[rel]
	if !known {
		out = g.has(path.Dir(rel), true) || g.match(rel, true)
		g.dirs[rel] = out
	}
	return out
}

func (g *ignored) match(rel string, isDir bool) bool {
	if g.plain && !mayBeDefault(path.Base(rel)) {
		return false
	}
	return g.matcher.Match(under(rel), isDir)
}

// mayBeDefault tells, faster than the patterns do, which names sourceignore's defaults could be about.
func mayBeDefault(name string) bool {
	if strings.HasPrefix(name, ".") || !isYAML(name) && path.Ext(name) != "" {
		return true
	}
	switch name {
	case "appveyor.yml", "cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml":
		return true
	}
	return false
}
