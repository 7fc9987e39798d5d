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
	ignore    *ignored   // of the source
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

type treeKey struct {
	ignore *ignored
	dir    string
}

// tree reads a folder of an artifact as Flux and kustomize would. It is made once.
func (g *graph) tree(ignore *ignored, dir string) *tree {
	key := treeKey{ignore, dir}
	if t, ok := g.trees[key]; ok {
		return t
	}
	t := &tree{dir: dir, ignore: ignore}
	g.trees[key] = t
	d := g.dirs[dir]
	ks := t.kustomization(d)
	switch {
	case d == nil || ignore.dir(dir):
		t.holes = append(t.holes, hole{place: Place{File: g.show(dir)}, problem: "there is no such folder"})
	case ks != "":
		t.file = g.files[path.Join(dir, ks)]
		t.read(g)
	default:
		t.generate(g, d)
	}
	return t
}

// kustomization is the name of a folder's kustomization, or "".
func (t *tree) kustomization(d *dir) string {
	if d == nil || d.ks == "" || t.ignore.file(path.Join(d.path, d.ks)) {
		return ""
	}
	return d.ks
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
				field: ref.field, path: ref.path, remote: problem == elsewhere, problem: problem,
				shaping: ref.field == "components" || strings.HasPrefix(ref.field, "patches") || ref.field == "transformers",
			})
		}
	}
}

// elsewhere is why what kustomize would fetch is not followed.
const elsewhere = "is not in this repository"

// follow adds what a path leads to, or says why it leads nowhere.
func (t *tree) follow(g *graph, ref pathRef) string {
	p, ok := resolve(t.dir, ref.path)
	isFile := ok && g.files[p] != nil && !t.ignore.file(p) // kustomize looks for a file first
	switch {
	case isRemote(ref.path) && !isFile:
		return elsewhere
	case !ok:
		return "leads out of the repository"
	}
	if d := g.dirs[p]; d != nil && !t.ignore.dir(p) {
		if ref.role == roleData {
			return "is a folder, not a file"
		}
		if t.kustomization(d) == "" {
			return "is a folder without a kustomization.yaml"
		}
		t.subs = append(t.subs, g.tree(t.ignore, p))
		return ""
	}
	if !isFile && g.included(p) {
		return elsewhere
	}
	if !isFile {
		return "does not exist"
	}
	f := g.files[p]
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
			if t.ignore.dir(p) {
				continue
			}
			if t.kustomization(sub) != "" {
				t.subs = append(t.subs, g.tree(t.ignore, p))
				t.order = append(t.order, p)
			} else {
				t.generate(g, sub)
			}
			continue
		}
		if f := g.files[p]; isYAML(name) && !t.ignore.file(p) {
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
