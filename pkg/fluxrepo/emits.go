package fluxrepo

import (
	"bytes"
	"path"
	"regexp"
	"slices"
)

var kindMarks = map[string]mark{
	"ConfigMap": markConfigMap, "Secret": markSecret, "OCIRepository": markSource, "HelmChart": markSource,
}

var hashSuffix = regexp.MustCompile(`-[a-z0-9]{10}$`)

// mayEmit tells by the bytes whether a Kustomization, or one below it, could emit an object.
func (g *graph) mayEmit(n *node, kind, name string) bool {
	if n.object.Spec.NamePrefix != "" || n.object.Spec.NameSuffix != "" || bytes.Contains(n.text, []byte(name)) {
		return true
	}
	seen := map[*tree]bool{}
	return slices.ContainsFunc(n.trees, func(t *tree) bool { return g.mayHold(t, kind, name, seen) })
}

func (g *graph) mayHold(t *tree, kind, name string, seen map[*tree]bool) bool {
	yes := false
	t.walk(func(t *tree) bool {
		if seen[t] {
			return true
		}
		seen[t] = true
		for _, f := range t.resources {
			for _, k := range g.rawIn[f] {
				yes = yes || k.tree != nil && g.mayHold(k.tree, kind, name, seen)
			}
			yes = yes || g.namesObject(f, kind, name)
		}
		if t.file != nil && (g.namesObject(t.file, kind, name) || g.namesObject(t.file, kind, hashSuffix.ReplaceAllString(name, ""))) {
			yes = true
		}
		renames := t.fragile || child(t.node, "namePrefix") != nil || child(t.node, "nameSuffix") != nil
		if renames {
			t.all(func(f *file) bool {
				yes = yes || f.marks&kindMarks[kind] != 0
				return !yes
			})
		}
		return !yes
	})
	return yes
}

func (g *graph) namesObject(f *file, kind, name string) bool {
	return f.marks&kindMarks[kind] != 0 && f.mayName(name)
}

// standsAside tells whether no Kustomization reads a file, as far as the files alone tell.
func (g *graph) standsAside(f *file) bool {
	if g.built == nil {
		g.built = map[*file]bool{}
		for _, k := range g.raw {
			if k.tree != nil {
				k.tree.all(func(f *file) bool { g.built[f] = true; return true })
			}
		}
	}
	return !g.built[f]
}

// standsFor tells whether an object in a file may be meant by a cluster: nothing builds it, or the
// cluster itself does.
func (g *graph) standsFor(c *cluster, f *file) bool {
	if c == nil || c.plain || g.standsAside(f) {
		return true
	}
	if c.files == nil {
		c.files = map[*file]bool{}
		seen := map[*rawKustomization]bool{}
		var visit func(*rawKustomization)
		visit = func(k *rawKustomization) {
			if seen[k] || k.tree == nil {
				return
			}
			seen[k] = true
			k.tree.all(func(f *file) bool { c.files[f] = true; return true })
			for _, next := range k.children {
				visit(next)
			}
		}
		for _, k := range g.raw {
			if path.Dir(k.file.path) == c.dir {
				visit(k)
			}
		}
	}
	return c.files[f]
}
