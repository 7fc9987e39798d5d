package fluxrepo

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readsOf lists the files that have a say in what becomes of a release.
func (g *graph) readsOf(o *object) []string {
	r := reads{graph: g, seen: map[*object]bool{}}
	r.add(o)
	r.addReferences(o)
	return r.files
}

// reads collects what readsOf lists.
type reads struct {
	*graph
	seen  map[*object]bool
	files []string
}

// add lists where an object stands and, for each Kustomization of its chain, where that stands, where its
// variables come from, and the kustomizations, patches and values on the way to the object.
func (r *reads) add(o *object) {
	if r.seen[o] {
		return
	}
	r.seen[o] = true
	r.files = append(r.files, o.file, o.generator)
	target := cmp.Or(o.file, o.generator)
	for up := o.by; up != nil; up = up.parent {
		r.files = append(r.files, up.file)
		for _, source := range up.scope().sources {
			r.add(source)
		}
		for i, t := range up.trees {
			r.files = append(r.files, r.shaping(t, target, i > 0)...)
		}
		target = up.file
	}
}

// addReferences lists what has a say in what a release refers to.
func (r *reads) addReferences(o *object) {
	text, err := r.put(o, nil)
	if err != nil {
		return
	}
	hr, err := r.decodeRelease(text)
	if err != nil {
		return
	}
	add := func(kind, ns, name string) {
		if found, _ := r.find(o.by, kind, cmp.Or(ns, hr.Namespace), name, o.file); found != nil && found.by != nil { // what nothing builds may be meant for others
			r.add(found)
		}
	}
	for _, ref := range hr.Spec.ValuesFrom {
		add(ref.Kind, hr.Namespace, ref.Name)
	}
	if ref := hr.Spec.ChartRef; ref != nil {
		add(ref.Kind, ref.Namespace, ref.Name)
	}
}

// shaping lists the kustomizations and their inputs between a tree and a file in it, with the components
// there and what replacements copy from. Where the file is not known all count.
func (g *graph) shaping(t *tree, target string, component bool) (out []string) {
	add := func(t *tree) {
		if t.file != nil {
			out = append(out, t.file.path)
		}
		for _, f := range t.inputs {
			out = append(out, f.path)
		}
		out = append(out, g.copiedFrom(t)...)
	}
	all := func(t *tree) { t.walk(func(t *tree) bool { add(t); return true }) }
	leads := map[*tree]bool{}
	var visit func(t *tree) bool
	visit = func(t *tree) bool {
		if known, seen := leads[t]; seen {
			return known
		}
		leads[t] = false                                 // what leads back to it leads nowhere else
		yes := t.file != nil && t.file.path == target || // that generates it
			slices.ContainsFunc(t.resources, func(f *file) bool { return f.path == target })
		for _, s := range t.subs {
			yes = visit(s) || yes
		}
		if leads[t] = yes; !yes {
			return false
		}
		add(t)
		for _, s := range t.subs {
			if text(s.node, "kind") == "Component" {
				all(s)
			}
		}
		return true
	}
	if component || target == "" {
		all(t)
	} else {
		visit(t)
	}
	return out
}

// copiedFrom lists the files that hold, or generate, what a kustomization's replacements and vars copy.
func (g *graph) copiedFrom(t *tree) (out []string) {
	for _, r := range g.replacements(t) {
		if slices.ContainsFunc(items(child(r, "targets")), meetsKept) {
			out = append(out, g.filesOf(t, child(r, "source"))...)
		}
	}
	for _, v := range items(child(t.node, "vars")) {
		out = append(out, g.filesOf(t, child(v, "objref"))...)
	}
	return out
}

// meetsKept tells whether the target of a replacement may be an object that a check looks at.
func meetsKept(target *yaml.Node) bool {
	kind := text(target, "select", "kind")
	return kind == "" || kinds[kind]
}

// filesOf lists the files below a tree with an object that a replacement names. A name that lacks a prefix
// or a hash counts, as kustomize finds an object by every name that it had.
func (g *graph) filesOf(t *tree, source *yaml.Node) (out []string) {
	kind, name := text(source, "kind"), text(source, "name")
	named := func(n string) bool { return name == "" || n != "" && strings.Contains(name, n) }
	t.walk(func(t *tree) bool {
		for _, f := range t.resources {
			if m := kindMarks[kind]; m != 0 && f.marks&m == 0 {
				continue
			}
			docs, _ := g.decoded(f) // reported where the file is needed
			if slices.ContainsFunc(objectsOf(docs), func(d *yaml.Node) bool { return text(d, "kind") == kind && named(text(d, "metadata", "name")) }) {
				out = append(out, f.path)
			}
		}
		field := map[string]string{"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}[kind]
		if field != "" && slices.ContainsFunc(items(child(t.node, field)), func(gen *yaml.Node) bool { return named(text(gen, "name")) }) {
			out = append(out, t.file.path)
			for _, f := range t.inputs {
				out = append(out, f.path)
			}
		}
		return true
	})
	return out
}
