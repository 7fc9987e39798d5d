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
	done := g.filesBuilt()
	g.brokenKustomizations()
	g.askedFor()
	for _, name := range g.sortedFiles() {
		if g.ctx.Err() != nil {
			return
		}
		f := g.files[name]
		if f.err == nil && (f.marks&markRelease == 0 || done[f]) || (g.hidden(name) || g.leftOutOfAll(name)) && !asked(in, name) {
			continue
		}
		g.unreadable(f)
		if f.err == nil && (f.marks&markWord != 0 || g.opts.NoPrune) && f.isManifest() {
			g.judgeFile(in, f)
		}
	}
	for _, d := range g.dirs {
		if d.err != nil && !g.hidden(d.path) {
			g.report(Error{Place: Place{File: g.show(d.path)}, Message: unread(d.err).Error(), Fatal: true})
		}
	}
}

// filesBuilt are the files that a build has read.
func (g *graph) filesBuilt() map[*file]bool {
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
	return done
}

// judgeFile judges the HelmReleases of a file as they stand there.
func (g *graph) judgeFile(in *input, f *file) {
	docs, err := g.decoded(f)
	if err != nil {
		g.report(Error{Place: g.placeOf(f, err), Message: plain(err), Fatal: f.asked || f.marks&markWord != 0 && g.inFull(in, f.path)})
	}
	for _, d := range objectsOf(docs) {
		if g.ctx.Err() != nil {
			return
		}
		if !isKind(d, helmGroup, "HelmRelease") {
			continue
		}
		if rel := g.judge(newRawObject(d, f.path), g.inFull(in, f.path)); rel != nil {
			g.found = append(g.found, rel)
		}
	}
}

// inFull tells whether a release that nothing builds is judged like one that is built.
func (g *graph) inFull(in *input, name string) bool {
	return in.names(name) || !isTemplate(name) && (len(g.raw) == 0 || g.elsewhere || g.besideRoot(name))
}

// isTemplate tells a path with a placeholder in it, as the skeletons of cookiecutter and copier have.
// Flux builds nothing from there before it is filled in.
func isTemplate(name string) bool {
	return strings.Contains(name, "{{") || strings.Contains(name, "{%")
}

// seen tells whether all that could build a file can be seen.
func (g *graph) seen(name string) bool { return len(g.raw) > 0 && !g.elsewhere && !g.besideRoot(name) }

// besideRoot tells whether a file lies beside, or below, a Kustomization that nothing builds: what applies
// the one may apply the other.
func (g *graph) besideRoot(name string) bool {
	return slices.ContainsFunc(g.lone, func(dir string) bool {
		return path.Dir(name) == dir || dir != "." && within(name, dir)
	})
}

// brokenKustomizations reports files with Kustomizations that can't be read. It matters where one is
// built.
func (g *graph) brokenKustomizations() {
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if f.marks&markKustomization == 0 || !f.isManifest() || g.hidden(name) {
			continue
		}
		if _, err := g.decoded(f); err != nil {
			g.report(Error{Place: g.placeOf(f, err), Message: plain(err), Fatal: f.asked || !g.standsAside(f)})
		}
	}
}

// askedFor reports files that the user named and that hold no objects.
func (g *graph) askedFor() {
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if !f.asked || f.err != nil || slices.Contains(kustomizationNames, path.Base(name)) || !g.standsAside(f) {
			continue
		}
		docs, err := g.decoded(f)
		if err != nil {
			g.report(Error{Place: g.placeOf(f, err), Message: plain(err), Fatal: true})
			continue
		}
		if !slices.ContainsFunc(objectsOf(docs), func(d *yaml.Node) bool { return text(d, "kind") != "" && text(d, "apiVersion") != "" }) {
			g.report(Error{Place: Place{File: g.show(name)}, Message: "holds no Kubernetes object", Fatal: true})
		}
	}
}

// unreadable reports a file that could not be read.
func (g *graph) unreadable(f *file) {
	if f.err == nil {
		return
	}
	g.report(Error{Place: Place{File: g.show(f.path)}, Message: f.err.Error(), Fatal: f.marks&markTooLarge == 0 || f.marks&markRelease != 0})
}

// names tells whether the user asked for a file, or for the very folder it lies in, by name.
func (in *input) names(rel string) bool {
	return in.stdin != nil || slices.ContainsFunc(in.parts, func(p part) bool { return p.rel == rel || p.rel == path.Dir(rel) })
}

// asked tells whether the user asked for the file itself.
func asked(in *input, rel string) bool {
	return in.stdin != nil || slices.ContainsFunc(in.parts, func(p part) bool { return p.rel == rel })
}

func (f *file) isManifest() bool { return isYAML(f.path) || f.asked }

// hasBuilders tells whether something stands in the repository that builds in ways that can't be followed.
func (g *graph) hasBuilders() bool {
	for name, f := range g.files {
		if f.marks&markElsewhere == 0 || g.hidden(name) || !f.isManifest() {
			continue
		}
		docs, _ := g.decoded(f) // what can't be read builds nothing
		if slices.ContainsFunc(objectsOf(docs), isBuilder) {
			return true
		}
	}
	return false
}

// objectsOf takes lists apart, and lists in lists. None is deeper, or with its aliases larger, than
// decodeDocuments allows.
func objectsOf(docs []*yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	for _, d := range docs {
		d = deref(d)
		if list := child(d, "items"); list != nil && strings.HasSuffix(text(d, "kind"), "List") {
			out = append(out, objectsOf(items(list))...)
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
