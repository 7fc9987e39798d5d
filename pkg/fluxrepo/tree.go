package fluxrepo

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// tree is what kustomize reads for one folder.
type tree struct {
	dir       string
	file      *file      // the kustomization; nil where Flux generates one
	node      *yaml.Node // its content, without what can't be read
	cut       bool       // something was taken out of node
	resources []*file    // with objects, in order
	inputs    []*file    // patches, values and the like
	subs      []*tree    // bases and components
	order     []string   // of a generated kustomization: its resources
	holes     []hole
	fragile   bool // an object that is left out could change the others
	schema    bool // adds to kustomize's schema
}

// hole is what a kustomization names and what is not there.
type hole struct {
	place   Place
	field   string
	path    string
	remote  bool
	shaping bool // could change objects that others bring
	problem string
}

// tree reads a folder as Flux and kustomize would. It is made once.
func (g *graph) tree(dir string) *tree {
	if t, ok := g.trees[dir]; ok {
		return t
	}
	t := &tree{dir: dir}
	g.trees[dir] = t
	d := g.dirs[dir]
	switch {
	case d == nil || g.ignore.has(dir, true):
		t.holes = append(t.holes, hole{place: Place{File: g.show(dir)}, problem: "there is no such folder"})
	case d.ks != "" && !g.ignore.has(path.Join(dir, d.ks), false):
		t.file = g.files[path.Join(dir, d.ks)]
		t.read(g)
	default:
		t.generate(g, d)
	}
	return t
}

// read follows the paths of a kustomization.
func (t *tree) read(g *graph) {
	docs, err := g.decoded(t.file)
	if err != nil || len(docs) == 0 {
		t.holes = append(t.holes, hole{place: g.placeOf(t.file, err), problem: problemOf(err, "holds no kustomization")})
		return
	}
	t.node = docs[0]
	for _, key := range []string{"replacements", "vars", "configurations", "transformers", "validators", "generators", "crds", "openapi"} {
		t.fragile = t.fragile || child(t.node, key) != nil
	}
	t.schema = child(t.node, "openapi") != nil || child(t.node, "crds") != nil
	for _, ref := range pathRefs(t.node) {
		if problem := t.follow(g, ref); problem != "" {
			ref.drop()
			t.cut = true
			t.holes = append(t.holes, hole{
				place: Place{File: g.show(t.file.path), Line: ref.node.Line, Column: ref.node.Column},
				field: ref.field, path: ref.path, remote: isRemote(ref.path), problem: problem,
				shaping: ref.field == "components" || strings.HasPrefix(ref.field, "patches") || ref.field == "transformers",
			})
		}
	}
}

// follow adds what a path leads to, or says why it leads nowhere.
func (t *tree) follow(g *graph, ref pathRef) string {
	if isRemote(ref.path) {
		return "is not in this repository"
	}
	p, ok := resolve(t.dir, ref.path)
	if !ok {
		return "leads out of the repository"
	}
	if d := g.dirs[p]; d != nil && !g.ignore.has(p, true) {
		if ref.role == roleData {
			return "is a folder, not a file"
		}
		if d.ks == "" {
			return "is a folder without a kustomization.yaml"
		}
		t.subs = append(t.subs, g.tree(p))
		return ""
	}
	f := g.files[p]
	if f == nil || g.ignore.has(p, false) {
		return "does not exist"
	}
	g.look(f)
	if ref.role == roleResource {
		t.resources = append(t.resources, f)
	} else {
		t.inputs = append(t.inputs, f)
	}
	return ""
}

// generate lists what Flux takes for the resources of a folder without a kustomization.
func (t *tree) generate(g *graph, d *dir) {
	names := slices.Concat(d.files, d.dirs)
	slices.Sort(names)
	for _, name := range names {
		p := path.Join(d.path, name)
		if sub := g.dirs[p]; sub != nil {
			if g.ignore.has(p, true) {
				continue
			}
			if sub.ks != "" {
				t.subs = append(t.subs, g.tree(p))
				t.order = append(t.order, p)
			} else {
				t.generate(g, sub)
			}
			continue
		}
		if f := g.files[p]; isYAML(name) && !g.ignore.has(p, false) {
			t.resources = append(t.resources, f)
			t.order = append(t.order, p)
		}
	}
}

// walk visits a tree and all below it, each once.
func (t *tree) walk(visit func(*tree) (more bool)) {
	seen := map[*tree]bool{}
	var step func(*tree) bool
	step = func(t *tree) bool {
		if seen[t] {
			return true
		}
		seen[t] = true
		if !visit(t) {
			return false
		}
		for _, s := range t.subs {
			if !step(s) {
				return false
			}
		}
		return true
	}
	step(t)
}

// all lists every file that a tree reads.
func (t *tree) all(visit func(*file) (more bool)) {
	t.walk(func(t *tree) bool {
		if t.file != nil && !visit(t.file) {
			return false
		}
		for _, f := range t.resources {
			if !visit(f) {
				return false
			}
		}
		for _, f := range t.inputs {
			if !visit(f) {
				return false
			}
		}
		return true
	})
}
