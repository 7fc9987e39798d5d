package fluxrepo

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// ignored tells what source-controller leaves out of an artifact.
type ignored struct {
	spec    string // spec.ignore of the GitRepository
	repo    *repo
	matcher gitignore.Matcher
	plain   bool // nothing but the defaults
	dirs    map[string]bool
}

// domain stands for the repository in the matcher; any name does.
var domain = []string{"repository"}

// readIgnoreFiles reads every .sourceignore.
func (r *repo) readIgnoreFiles() {
	slices.SortFunc(r.ignoreFiles, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	for _, f := range r.ignoreFiles {
		data, err := r.content(f)
		if err != nil {
			continue
		}
		r.patterns = append(r.patterns, sourceignore.ReadPatterns(bytes.NewReader(data), under(path.Dir(f.path)))...)
	}
	r.ignore = r.ignoring("")
}

// ignoring adds spec.ignore of a GitRepository to the .sourceignore files; its patterns win. With a
// pattern of either, source-controller takes the defaults back, but for Git's own files.
func (r *repo) ignoring(spec string) *ignored {
	patterns := slices.Concat(r.patterns, sourceignore.ReadPatterns(strings.NewReader(spec), domain))
	g := &ignored{spec: spec, repo: r, plain: len(patterns) == 0, dirs: map[string]bool{".": false}}
	if g.plain {
		g.matcher = sourceignore.NewDefaultMatcher(nil, domain)
	} else {
		g.matcher = sourceignore.NewMatcher(slices.Concat(sourceignore.VCSPatterns(domain), patterns))
	}
	return g
}

func under(rel string) []string {
	if rel == "." {
		return slices.Clone(domain)
	}
	return append(slices.Clone(domain), strings.Split(rel, "/")...)
}

// file tells whether a file is left out. A pattern for a folder does not hold for a file in it that a
// later pattern brings back: source-controller asks for each file.
func (g *ignored) file(rel string) bool {
	if g.plain {
		return g.dir(path.Dir(rel)) || mayBeDefault(path.Base(rel)) && g.matcher.Match(under(rel), false)
	}
	return g.matcher.Match(under(rel), false)
}

// dir tells whether a folder is left out, with everything in it.
func (g *ignored) dir(rel string) bool {
	out, known := g.dirs[rel]
	if known {
		return out
	}
	if g.plain {
		out = g.dir(path.Dir(rel)) || mayBeDefault(path.Base(rel)) && g.matcher.Match(under(rel), true)
	} else {
		out = g.matcher.Match(under(rel), true) && !g.keeps(rel)
	}
	g.dirs[rel] = out
	return out
}

// keeps tells whether anything in a folder is not left out.
func (g *ignored) keeps(rel string) bool {
	d := g.repo.dirs[rel]
	if d == nil {
		return false
	}
	return slices.ContainsFunc(d.files, func(name string) bool { return !g.file(path.Join(rel, name)) }) ||
		slices.ContainsFunc(d.dirs, func(name string) bool { return !g.dir(path.Join(rel, name)) })
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
