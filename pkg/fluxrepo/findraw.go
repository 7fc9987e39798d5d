package fluxrepo

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// findRaw looks in the files themselves, nearest to a folder first.
func (g *graph) findRaw(c *cluster, kind, ns, name, near string) (found *object, missing string) {
	key := rawKey{c, kind, ns, name, near}
	if f, ok := g.rawFound[key]; ok {
		return f.object, f.reason
	}
	o, reason := g.searchRaw(c, kind, ns, name, near)
	g.rawFound[key] = rawFound{o, reason}
	return o, reason
}

type rawKey struct {
	cluster              *cluster
	kind, ns, name, near string
}

type rawFound struct {
	object *object
	reason string
}

func (g *graph) searchRaw(c *cluster, kind, ns, name, near string) (o *object, reason string) {
	var found []*object
	for _, p := range g.sortedFiles() {
		f := g.files[p]
		if f.marks&kindMarks[kind] == 0 || !f.mayName(name) || g.hidden(p) || !f.isManifest() || !g.standsFor(c, f) {
			continue
		}
		for _, d := range g.objectsNamed(f, kind, name) {
			if have := text(d, "metadata", "namespace"); have == ns || have == "" || ns == "" {
				found = append(found, newRawObject(d, p))
			}
		}
	}
	if len(found) == 0 {
		return nil, absent
	}
	found = exact(found, ns)
	slices.SortStableFunc(found, func(a, b *object) int {
		return cmp.Compare(shared(b.file, near), shared(a.file, near))
	})
	for _, other := range found[1:] { // as near as the first, and another
		if shared(found[0].file, near) == shared(other.file, near) && !bytes.Equal(found[0].text, other.text) {
			return nil, "found in several places"
		}
	}
	return found[0], ""
}

// objectsNamed are the objects of a file of a kind and a name.
func (g *graph) objectsNamed(f *file, kind, name string) []*yaml.Node {
	docs, _ := g.decoded(f) // what can't be read holds nothing
	if f.docs.named == nil {
		f.docs.named = map[[2]string][]*yaml.Node{}
		for _, d := range objectsOf(docs) {
			key := [2]string{text(d, "kind"), text(d, "metadata", "name")}
			f.docs.named[key] = append(f.docs.named[key], d)
		}
	}
	return f.docs.named[[2]string{kind, name}]
}

// exact are the objects of that very namespace, or all if there is none.
func exact(found []*object, ns string) []*object {
	if own := slices.DeleteFunc(slices.Clone(found), func(o *object) bool { return o.ns != ns }); len(own) > 0 {
		return own
	}
	return found
}

func newRawObject(d *yaml.Node, file string) *object {
	out, err := yaml.Marshal(d)
	if err != nil {
		out = nil // can't be: it was decoded
	}
	o := &object{
		apiVersion: text(d, "apiVersion"), kind: text(d, "kind"),
		ns: text(d, "metadata", "namespace"), name: text(d, "metadata", "name"), text: out, file: file,
	}
	const key = fluxGroup + "/substitute"
	o.verbatim = text(d, "metadata", "labels", key) == "disabled" || text(d, "metadata", "annotations", key) == "disabled"
	return o
}

// shared is how many folders two paths have in common.
func shared(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}
