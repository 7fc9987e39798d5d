package fluxrepo

import (
	"cmp"
	"path"
)

// isOurs tells whether the source of a Kustomization is this repository.
func (n *node) isOurs() bool {
	ref := n.object.Spec.SourceRef
	if ref.Kind == "ExternalArtifact" {
		return false
	}
	root := n
	for root.parent != nil {
		root = root.parent
	}
	if root != n && root.source() == n.source() {
		return true
	}
	switch ref.Kind {
	case "GitRepository":
		theirs := n.urlOfSource()
		if theirs == "" {
			return n.graph.dirs[n.path] != nil // made outside of the repository, as a bootstrap does
		}
		if root != n {
			return sameRepository(theirs, root.urlOfSource())
		}
		return n.graph.ownURL(theirs, n.path)
	default: // an artifact may hold any part of a repository
		return root == n && n.path != "." && n.graph.dirs[n.path] != nil
	}
}

// source names the source of a Kustomization.
func (n *node) source() string {
	ref := n.object.Spec.SourceRef
	ns := ref.Namespace
	if ns == "" {
		ns = n.ns
	}
	return ref.Kind + " " + ns + "/" + ref.Name
}

// gitSource is a GitRepository that stands in the repository.
type gitSource struct {
	file, ns, name, url, ignore string
	includes                    []include
}

// gitSources finds them once.
func (g *graph) gitSources() []gitSource {
	if g.urls != nil {
		return g.gits
	}
	g.urls = map[string]string{}
	for _, name := range g.sortedFiles() {
		if f := g.files[name]; f.marks&markGit != 0 {
			docs, _ := g.decoded(f) // what can't be read names no source
			for _, d := range objectsOf(docs) {
				if !isKind(d, sourceGroup, "GitRepository") {
					continue
				}
				s := gitSource{name, text(d, "metadata", "namespace"), text(d, "metadata", "name"), text(d, "spec", "url"), text(d, "spec", "ignore"), g.includesOf(d)}
				g.urls["GitRepository "+s.ns+"/"+s.name] = s.url
				g.urls["GitRepository "+path.Dir(name)+" "+s.name] = s.url
				g.gits = append(g.gits, s)
			}
		}
	}
	return g.gits
}

// urlOf is the URL of a source that stands in the repository, or "".
func (g *graph) urlOf(source string) string {
	g.gitSources()
	return g.urls[source]
}

// gitOf is the GitRepository that a Kustomization is built from. Clusters may give their sources the same name,
// so the one that lies nearest counts.
func (g *graph) gitOf(kind, ns, name, near string) (found gitSource, ok bool) {
	for _, s := range g.gitSources() {
		if kind == "GitRepository" && s.name == name && (s.ns == ns || s.ns == "" || ns == "") && (!ok || shared(s.file, near) > shared(found.file, near)) {
			found, ok = s, true
		}
	}
	return found, ok
}

// ignoreOf is what a source leaves out of its artifact.
func (g *graph) ignoreOf(kind, ns, name, near string) *ignored {
	git, _ := g.gitOf(kind, ns, name, near)
	spec := git.ignore
	if spec == "" {
		return g.ignore
	}
	if g.ignores == nil {
		g.ignores = map[string]*ignored{}
	}
	if g.ignores[spec] == nil {
		g.ignores[spec] = g.ignoring(spec)
	}
	return g.ignores[spec]
}

// ignore is what the source of a Kustomization leaves out.
func (n *node) ignore() *ignored {
	root := n
	for root.parent != nil {
		root = root.parent
	}
	ref := n.object.Spec.SourceRef
	return n.graph.ignoreOf(ref.Kind, cmp.Or(ref.Namespace, n.ns), ref.Name, root.file)
}

// urlOfSource is the URL of a Kustomization's source. A source beside it may lack its namespace.
func (n *node) urlOfSource() string {
	if url := n.graph.urlOf(n.source()); url != "" {
		return url
	}
	ref := n.object.Spec.SourceRef
	return n.graph.urlOf(ref.Kind + " " + path.Dir(n.file) + " " + ref.Name)
}

// ownURL tells whether a URL is this repository's. It is the one of the source that Flux's own
// Kustomization, which builds the folder that it lies in, has; without one, any may be that is built
// from a folder that exists.
func (g *graph) ownURL(url, folder string) bool {
	known := false
	for _, k := range g.raw {
		if !k.exists || text(k.node, "spec", "path") == "" || !within(path.Dir(k.file.path), k.path) {
			continue
		}
		ns := text(k.node, "spec", "sourceRef", "namespace")
		if ns == "" {
			ns = k.ns
		}
		u := g.urlOf(text(k.node, "spec", "sourceRef", "kind") + " " + ns + "/" + text(k.node, "spec", "sourceRef", "name"))
		if sameRepository(u, url) {
			return true
		}
		known = known || u != ""
	}
	return !known && folder != "." && g.dirs[folder] != nil
}
