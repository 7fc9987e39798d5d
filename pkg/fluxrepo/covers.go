package fluxrepo

import (
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
)

// readsOf lists the files that have a say in what becomes of a release: what it refers to, and for each
// Kustomization of its chain the kustomizations, patches and values on the way to it.
func (g *graph) readsOf(o *object) []string {
	var out []string
	if text, err := g.put(o, nil); err == nil {
		if hr, _, err := decodeRelease(text); err == nil {
			out = g.refersTo(o, hr)
		}
	}
	target := o.file
	for up := o.by; up != nil; up = up.parent {
		for _, set := range up.scope().set {
			if set.object != nil {
				out = append(out, set.object.file, set.object.generator)
			}
		}
		for i, t := range up.trees {
			out = append(out, t.shaping(target, i > 0)...)
		}
		target = up.file
	}
	return out
}

func (g *graph) refersTo(o *object, hr *helmv2.HelmRelease) (out []string) {
	add := func(kind, ns, name string) {
		if ns == "" {
			ns = hr.Namespace
		}
		if found, _ := g.find(o.by, kind, ns, name, o.file); found != nil && found.by != nil { // what nothing builds may be meant for others
			out = append(out, found.file, found.generator)
		}
	}
	for _, ref := range hr.Spec.ValuesFrom {
		add(ref.Kind, hr.Namespace, ref.Name)
	}
	if ref := hr.Spec.ChartRef; ref != nil {
		add(ref.Kind, ref.Namespace, ref.Name)
	}
	return out
}

// shaping lists the kustomizations and their inputs between a tree and a file in it, with the components
// there. Where the file is not known all count.
func (t *tree) shaping(target string, component bool) (out []string) {
	add := func(t *tree) {
		if t.file != nil {
			out = append(out, t.file.path)
		}
		for _, f := range t.inputs {
			out = append(out, f.path)
		}
	}
	all := func(t *tree) { t.walk(func(t *tree) bool { add(t); return true }) }
	leads := map[*tree]bool{}
	var visit func(t *tree) bool
	visit = func(t *tree) bool {
		if known, seen := leads[t]; seen {
			return known
		}
		leads[t] = false // what leads back to it leads nowhere else
		yes := slices.ContainsFunc(t.resources, func(f *file) bool { return f.path == target })
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
