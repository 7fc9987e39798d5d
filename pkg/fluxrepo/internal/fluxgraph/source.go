package fluxgraph

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// owner says whose a source is.
type owner int

const (
	ours     owner = iota
	foreign        // another repository
	external       // an artifact that something makes of whatever it likes
)

// source is a source of Flux that stands in a file.
type source struct {
	file, kind, ns, name, url, ignore string
	own                               bool     // it is this repository for certain
	includes                          []string // folders of its artifact that hold what is in another source
}

func newSource(file, kind string, doc *yaml.Node) source {
	s := source{
		file: file, kind: kind, ns: yamldoc.Text(doc, "metadata", "namespace"), name: yamldoc.Text(doc, "metadata", "name"),
		url: yamldoc.Text(doc, "spec", "url"), ignore: yamldoc.Text(doc, "spec", "ignore"),
	}
	if kind == "Bucket" {
		s.url = yamldoc.Text(doc, "spec", "endpoint") + "/" + yamldoc.Text(doc, "spec", "bucketName")
	}
	for _, item := range yamldoc.Items(yamldoc.Child(doc, "spec", "include")) {
		to := yamldoc.Text(item, "toPath")
		if to == "" {
			to = yamldoc.Text(item, "repository", "name")
		}
		s.includes = append(s.includes, strings.TrimPrefix(path.Clean("/"+to), "/"))
	}
	return s
}

// findOwnURLs finds the URLs of this repository: where it was cloned from, what a FluxInstance syncs, and what the
// Kustomization is built from that lies in the folder it builds, as the bootstrap of Flux makes it.
func (g *Graph) findOwnURLs() {
	add := func(u string) {
		if u != "" && !strings.Contains(u, "$") {
			g.ownURLs = append(g.ownURLs, u)
		}
	}
	add(g.tree.Origin())
	for _, s := range g.sources {
		if s.own {
			add(s.url)
		}
	}
	for _, d := range g.declarations {
		kind, ns, name, near := d.source()
		if d.text("spec", "path") != "" && g.tree.Dir(d.path) != nil && worktree.Within(path.Dir(d.file), d.path) && kind == "GitRepository" {
			s, _ := g.sourceOf(kind, ns, name, near)
			add(s.url)
		}
	}
}

// sourceOf is a source by its name. Clusters may give theirs the same one, so the one that lies nearest counts.
func (g *Graph) sourceOf(kind, ns, name, near string) (found source, ok bool) {
	for _, s := range g.sources {
		if s.kind == kind && s.name == name && (s.ns == ns || s.ns == "" || ns == "") && (!ok || worktree.Shared(s.file, near) > worktree.Shared(found.file, near)) {
			found, ok = s, true
		}
	}
	return found, ok
}

// whose says whose a source is that a Kustomization takes a folder from.
func (g *Graph) whose(kind, ns, name, near, folder string) owner {
	if kind == "ExternalArtifact" {
		return external
	}
	exists := g.tree.Dir(folder) != nil
	s, declared := g.sourceOf(kind, ns, name, near)
	known := declared && s.url != "" && !strings.Contains(s.url, "$")
	switch {
	case s.own, known && slices.ContainsFunc(g.ownURLs, func(u string) bool { return sameRepository(u, s.url) }):
		return ours
	case known && kind == "GitRepository" && len(g.ownURLs) > 0:
		return foreign
	case known && kind != "GitRepository" && !slices.ContainsFunc(g.ownURLs, func(u string) bool {
		return strings.Contains(s.url, path.Base(normalURL(u)))
	}):
		return foreign
	case exists:
		return ours
	case kind == "GitRepository" && !known && (name == "flux-system" || g.provides(name)):
		return ours // and the path is wrong
	}
	return foreign
}

// Artifact reports whether a source is this repository, and what it leaves out of its artifact. folder is what is taken
// from it.
func (g *Graph) Artifact(kind, ns, name, near, folder string) (ignore *worktree.Ignore, own bool) {
	if g.o.Alone || g.tree.Dir(folder) == nil {
		return nil, false
	}
	return g.ignoreOf(kind, ns, name, near), g.whose(kind, ns, name, near, folder) == ours
}

// provides reports whether any Kustomization takes a folder that exists from a source of a name.
func (g *Graph) provides(name string) bool {
	return slices.ContainsFunc(g.declarations, func(d *declaration) bool {
		return d.text("spec", "sourceRef", "name") == name && g.tree.Dir(d.path) != nil && d.text("spec", "path") != ""
	})
}

// ignoreOf is what a source leaves out of its artifact.
func (g *Graph) ignoreOf(kind, ns, name, near string) *worktree.Ignore {
	s, _ := g.sourceOf(kind, ns, name, near)
	if g.ignores[s.ignore] == nil {
		g.ignores[s.ignore] = g.tree.Ignoring(s.ignore)
	}
	return g.ignores[s.ignore]
}

// included reports whether a path that is not in the repository may be in the artifact of a source that includes
// others.
func (g *Graph) included(p string) bool {
	return slices.ContainsFunc(g.sources, func(s source) bool {
		return slices.ContainsFunc(s.includes, func(to string) bool { return worktree.Within(p, to) })
	})
}

// sameRepository reports whether two URLs name one Git repository: read with a key by one, say, and without by
// another.
func sameRepository(a, b string) bool { return a == b || normalURL(a) == normalURL(b) }

// normalURL is a URL without what says how, and as whom, a repository is read. What is no URL stays as it is.
func normalURL(s string) string {
	s = strings.TrimSpace(s)
	if host, p, ok := strings.Cut(s, ":"); !strings.Contains(s, "://") && ok && host != "" && !strings.Contains(host, "/") {
		s = "ssh://" + host + "/" + p // the form of scp
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return s
	}
	ports := map[string]string{"ssh": "22", "https": "443", "http": "80", "git": "9418"} // that a URL need not name
	scheme := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(u.Scheme), "git+"), "+git")
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if port := u.Port(); port != "" && port != ports[scheme] {
		host += ":" + port
	}
	return host + strings.TrimSuffix(path.Clean("/"+u.Path), ".git")
}
