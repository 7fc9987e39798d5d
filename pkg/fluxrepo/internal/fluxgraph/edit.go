package fluxgraph

import "slices"

// Work is how much was built so far, for this graph and those that differ from it by an edit.
func (g *Graph) Work() int { return g.cache.Work }

// Edited is the same repository with other contents of some files, as far as they have a say in an object, and in
// others that it needs. It finds the object again, or returns nil.
func (g *Graph) Edited(edits map[string][]byte, o *Object, needs ...*Object) (*Graph, *Object) {
	e := *g
	e.Tree = g.Tree.With(edits)
	e.Declared, e.only = g.Declared.With(e.Tree), map[string]bool{}
	switch {
	case o.By == nil: // only the file that it stands in has a say
		return &e, nil
	case o.By.Plain:
		e.Instances = nil
		e.plain(e.Declared.Reader.Folder(e.Declared.Ignore, o.By.Spec.Path))
		e.register()
	default:
		for _, n := range g.makers(append(needs, o)...) {
			e.only[n.key] = true
		}
		e.settle(slices.DeleteFunc(slices.Clone(g.Instances), func(n *Instance) bool { return e.only[n.key] }))
	}
	for _, n := range e.Instances {
		if n.key == o.By.key {
			if found := again(o, slices.Index(o.By.Objects, o), n.Objects); found != nil {
				return &e, found
			}
		}
	}
	return &e, nil
}

// makers are the instances that have a say in some objects: those that emit them, what builds these, and what their
// variables come from.
func (g *Graph) makers(objects ...*Object) (out []*Instance) {
	for i := 0; i < len(objects); i++ { // more are added on the way
		for n := objects[i].By; n != nil; n = n.Parent {
			if !slices.ContainsFunc(out, func(m *Instance) bool { return m.key == n.key }) {
				out, objects = append(out, n), append(objects, n.variables...)
			}
		}
	}
	return out
}

// Inputs are the files that a release, and an object that it takes values from, are made of, the nearest first: what its
// build reads, what builds that, and where the variables of all these come from.
func (g *Graph) Inputs(release, holder *Object) (out []string) {
	seen := map[string]bool{}
	add := func(p string) bool {
		if p != "" && !seen[p] && g.Tree.File(p) != nil {
			seen[p], out = true, append(out, p)
		}
		return false
	}
	for _, n := range g.makers(holder, release) {
		n.Reads(add)
		add(n.File)
		for _, o := range n.variables {
			add(o.File)
		}
	}
	return out
}
