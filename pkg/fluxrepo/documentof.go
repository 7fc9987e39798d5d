package fluxrepo

import "strings"

// documents are the objects of a file, to be found by name: many objects may come out of one file, and
// to go through all for each would take the square of their number.
type documents struct {
	spots []*spot
	exact map[documentKey]*spot // by namespace and name
	named map[documentKey]*spot // by name
}

type documentKey struct{ kind, ns, name string }

// documentsOf reads the objects of a file once.
func (g *graph) documentsOf(file string) *documents {
	if d, ok := g.documents[file]; ok {
		return d
	}
	d := &documents{exact: map[documentKey]*spot{}, named: map[documentKey]*spot{}}
	for _, s := range g.spots(file) {
		for _, n := range objectsOf(oneNode(s.node)) {
			in := &spot{file: s.file, node: n, lines: s.lines}
			d.spots = append(d.spots, in)
			key := documentKey{text(n, "kind"), text(n, "metadata", "namespace"), text(n, "metadata", "name")}
			if d.exact[key] == nil {
				d.exact[key] = in
			}
			if key.ns = ""; d.named[key] == nil {
				d.named[key] = in
			}
		}
	}
	if g.documents == nil {
		g.documents = map[string]*documents{}
	}
	g.documents[file] = d
	return d
}

// documentOf is the document that an object was read from: of its name, or of one that its own was made
// of by a prefix, or else the first of its kind.
func (g *graph) documentOf(o *object) *spot {
	d := g.documentsOf(o.file)
	if s := d.exact[documentKey{o.kind, o.ns, o.name}]; s != nil {
		return s
	}
	if s := d.named[documentKey{o.kind, "", o.name}]; s != nil {
		return s
	}
	var first *spot
	for _, s := range d.spots {
		if text(s.node, "kind") != o.kind {
			continue
		}
		if strings.Contains(o.name, text(s.node, "metadata", "name")) {
			return s
		}
		if first == nil {
			first = s
		}
	}
	return first
}

// patchesOf lists the patches that could have changed an object, looked for once for each Kustomization.
func (g *graph) patchesOf(o *object) []*spot {
	if o.by == nil {
		return nil
	}
	if out, ok := g.patches[o.by]; ok {
		return out
	}
	if g.patches == nil {
		g.patches = map[*node][]*spot{}
	}
	out := g.patchesFor(o.by)
	g.patches[o.by] = out
	return out
}
