package fluxrepo

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// judgeUnbuilt judges the HelmReleases that stand in files and that nothing builds.
func (g *graph) judgeUnbuilt(in *input) {
	done := map[*file]bool{}
	for _, c := range g.clusters {
		for _, n := range c.nodes {
			if n.built == nil || n.failed {
				continue
			}
			for _, t := range n.trees {
				t.all(func(f *file) bool { done[f] = true; return true })
			}
		}
	}
	g.elsewhere = g.elsewhere || g.hasBuilders()
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if f.err == nil && (f.marks&markRelease == 0 || done[f]) || g.hidden(name) && !named1(in, name) {
			continue
		}
		g.unreadable(f)
		if f.err != nil || f.marks&markRelease == 0 || f.marks&markWord == 0 && !g.opts.NoPrune || !isManifest(name) {
			continue
		}
		docs, err := g.decoded(f)
		if err != nil {
			g.report(Error{Place: g.placeOf(f, err), Message: plain(err), Fatal: f.marks&markWord != 0})
		}
		for _, d := range objectsOf(docs) {
			if !isKind(d, helmGroup, "HelmRelease") {
				continue
			}
			if rel := g.judge(newRawObject(d, name)); rel != nil {
				rel.Built = len(g.raw) == 0 || g.elsewhere || in.names(name)
				g.found = append(g.found, rel)
			}
		}
	}
	for _, d := range g.dirs {
		if d.err != nil && !g.hidden(d.path) {
			g.report(Error{Place: Place{File: g.show(d.path)}, Message: "can't be read: " + reason(d.err), Fatal: true})
		}
	}
}

// unreadable reports a file that could not be read.
func (g *graph) unreadable(f *file) {
	if f.err == nil {
		return
	}
	g.report(Error{Place: Place{File: g.show(f.path)}, Message: reason(f.err), Fatal: f.marks&markTooLarge == 0 || f.marks&markRelease != 0})
}

// reason is an error without the path, which is said beside it.
func reason(err error) string {
	s := err.Error()
	if i := strings.LastIndex(s, ": "); i >= 0 && strings.HasPrefix(s, "open ") {
		s = s[i+2:]
	}
	return s
}

// names tells whether the user asked for a file, or the folder it lies in, by name.
func (in *input) names(rel string) bool {
	return in.stdin != nil || slices.ContainsFunc(in.parts, func(p part) bool { return within(rel, p.rel) })
}

// named1 tells whether the user asked for the file itself.
func named1(in *input, rel string) bool {
	return in.stdin != nil || slices.ContainsFunc(in.parts, func(p part) bool { return p.rel == rel })
}

func isManifest(name string) bool { return isYAML(name) || name == stdinName }

// hasBuilders tells whether something stands in the repository that builds in ways that can't be followed.
func (g *graph) hasBuilders() bool {
	for name, f := range g.files {
		if f.marks&markElsewhere == 0 || g.hidden(name) || !isManifest(name) {
			continue
		}
		docs, _ := g.decoded(f) //nolint:errcheck // what can't be read builds nothing
		for _, d := range docs {
			if kind := text(d, "kind"); kind == "ResourceSet" || kind == "ArtifactGenerator" {
				return true
			}
		}
	}
	return false
}

// objectsOf takes lists apart.
func objectsOf(docs []*yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, d := range docs {
		if list := child(d, "items"); list != nil && strings.HasSuffix(text(d, "kind"), "List") {
			for _, item := range items(list) {
				out = append(out, real(item))
			}
			continue
		}
		out = append(out, d)
	}
	return out
}

// checkGlobs refuses what path.Match can't read.
func checkGlobs(globs []string) error {
	for _, glob := range globs {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("ignore %q: %w", glob, err)
		}
	}
	return nil
}

// globbed tells whether a path, or a folder above it, matches --ignore. A ** stands for any folders.
func (g *graph) globbed(p string) bool {
	for _, glob := range g.opts.Ignore {
		glob = strings.TrimSuffix(strings.TrimPrefix(path.Clean(glob), "./"), "/**")
		for up := p; up != "." && up != "/"; up = path.Dir(up) {
			if matchGlob(strings.Split(glob, "/"), strings.Split(up, "/")) {
				return true
			}
		}
	}
	return false
}

func matchGlob(glob, p []string) bool {
	if len(glob) == 0 {
		return len(p) == 0
	}
	if glob[0] == "**" {
		for i := range len(p) + 1 {
			if matchGlob(glob[1:], p[i:]) {
				return true
			}
		}
		return false
	}
	if len(p) == 0 {
		return false
	}
	ok, err := path.Match(glob[0], p[0])
	return err == nil && ok && matchGlob(glob[1:], p[1:])
}
