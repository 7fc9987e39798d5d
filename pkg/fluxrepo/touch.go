package fluxrepo

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// opaque tells whether what a Kustomization emits in the way of other Kustomizations can be anything but
// what stands in YAML files, in plain sight. Where in doubt it can.
func (g *graph) opaque(trees []*tree, spec *yaml.Node) bool {
	flux := false
	for _, t := range trees {
		t.all(func(f *file) bool {
			flux = flux || f.marks&(markKustomization|markTooLarge) != 0 || f.err != nil
			return !flux
		})
	}
	if !flux {
		return false
	}
	for _, field := range []string{"patchesStrategicMerge", "patchesJson6902"} {
		if child(child(spec, "spec"), field) != nil {
			return true
		}
	}
	if g.touch(".", items(child(child(spec, "spec"), "patches")), 0) {
		return true
	}
	found := false
	for _, t := range trees {
		t.walk(func(t *tree) bool {
			found = found || t.fragile || g.touch(t.dir, items(child(t.node, "patches")), 0) || g.touchOld(t)
			for _, f := range t.resources {
				found = found || g.unseen(f)
			}
			return !found
		})
	}
	return found
}

// unseen tells whether a file could bring Kustomizations that the graph does not know.
func (g *graph) unseen(f *file) bool {
	if f.marks&markKustomization == 0 {
		return f.err != nil || f.marks&markTooLarge != 0
	}
	if !isYAML(f.path) {
		return true
	}
	docs, err := g.decoded(f)
	if err != nil {
		return true
	}
	n := 0
	for _, d := range objectsOf(docs) {
		if isKind(d, fluxGroup, "Kustomization") {
			n++
		}
	}
	return n != len(g.rawIn[f])
}

// touchOld looks at the patches of older kustomizations.
func (g *graph) touchOld(t *tree) bool {
	for _, item := range items(child(t.node, "patchesStrategicMerge")) {
		item = deref(item)
		if docs, ok := g.patchDocs(t.dir, item.Value, isInline(item.Value)); !ok || !slices.ContainsFunc(docs, isOther) || slices.ContainsFunc(docs, not(isOther)) {
			return true
		}
	}
	return slices.ContainsFunc(items(child(t.node, "patchesJson6902")), func(p *yaml.Node) bool {
		return !misses(child(p, "target"))
	})
}

func not[T any](f func(T) bool) func(T) bool { return func(v T) bool { return !f(v) } }

// isOther tells a patch by its kind that is for something else than a Kustomization.
func isOther(doc *yaml.Node) bool {
	kind := text(doc, "kind")
	return kind != "" && kind != "Kustomization"
}

var literal = regexp.MustCompile(`^[A-Za-z]+$`)

// misses tells whether a target can't be a Kustomization.
func misses(target *yaml.Node) bool {
	kind := text(target, "kind")
	return literal.MatchString(kind) && kind != "Kustomization"
}

// touch tells whether a patch could change where Kustomizations lead.
func (g *graph) touch(dir string, patches []*yaml.Node, depth int) bool {
	return slices.ContainsFunc(patches, func(p *yaml.Node) bool { return g.touches(dir, p, depth) })
}

func (g *graph) touches(dir string, p *yaml.Node, depth int) bool {
	target, inline, file := child(p, "target"), text(p, "patch"), text(p, "path")
	if depth > 0 && g.hasWord([]byte(inline)) || depth > 8 {
		return true
	}
	if target != nil && misses(target) {
		return inline == "" && file == ""
	}
	var docs []*yaml.Node
	ok := inline == "" || file == ""
	if inline != "" {
		docs, ok = g.patchDocs(dir, inline, ok)
	} else if ok {
		docs, ok = g.patchDocs(dir, file, false)
	}
	if !ok || len(docs) == 0 {
		return true
	}
	for _, doc := range docs {
		if target == nil && isOther(doc) {
			continue
		}
		if !g.tame(dir, doc, depth) {
			return true
		}
	}
	return false
}

// patchDocs reads a patch, which must be one or more maps.
func (g *graph) patchDocs(dir, s string, inline bool) ([]*yaml.Node, bool) {
	var docs []*yaml.Node
	var err error
	if inline {
		docs, err = decodeDocuments([]byte(s))
	} else {
		p, ok := resolve(dir, s)
		if !ok || g.files[p] == nil {
			return nil, false
		}
		docs, err = g.decoded(g.files[p])
	}
	ok := err == nil && !slices.ContainsFunc(docs, func(d *yaml.Node) bool { return d.Kind != yaml.MappingNode })
	return docs, ok
}

// tameFields can't change where a Kustomization leads.
var tameFields = []string{
	"interval", "retryInterval", "timeout", "prune", "wait", "force", "decryption", "deletionPolicy",
	"healthChecks", "serviceAccountName", "postBuild", "patches",
}

// tame tells whether a patch of a Kustomization leaves alone where it leads, and brings no release.
func (g *graph) tame(dir string, doc *yaml.Node, depth int) bool {
	if body, err := yaml.Marshal(doc); err != nil || g.hasWord(body) {
		return false
	}
	return only(doc, "apiVersion", "kind", "metadata", "spec") &&
		only(child(doc, "metadata"), "name", "namespace") &&
		only(child(doc, "spec"), tameFields...) &&
		!slices.ContainsFunc(items(child(child(doc, "spec"), "patches")), func(p *yaml.Node) bool { return !only(p, "patch", "target") }) &&
		!g.touch(dir, items(child(child(doc, "spec"), "patches")), depth+1)
}

// only tells whether a map has no other keys.
func only(n *yaml.Node, keys ...string) bool {
	if n = deref(n); n == nil {
		return true
	}
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i < len(n.Content); i += 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			return false
		}
	}
	return true
}

// strange tells whether the source of a Kustomization has the name of one that is not this repository.
func (g *graph) strange(k *rawKustomization) bool {
	name := text(k.node, "spec", "sourceRef", "name")
	_ = g.urlOf("")
	for source, url := range g.urls {
		if strings.HasSuffix(source, "/"+name) && !g.ownURL(url, k.path) {
			return true
		}
	}
	return false
}

// generatedWords looks at what generators make ConfigMaps and Secrets of. A variable, or values, in
// disguise make everything suspect.
func (g *graph) generatedWords(variables map[string]bool) {
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if f.marks&markWord != 0 && f.marks&markSource != 0 && (f.marks&markKustomization != 0 || slices.Contains(kustomizationNames, path.Base(name))) {
			g.allHot = true // a patch may give a source another chart
		}
		if f.marks&(markConfigMap|markSecret) == 0 || !slices.Contains(kustomizationNames, path.Base(name)) {
			continue
		}
		docs, _ := g.decoded(f) // reported where the file is needed
		for _, d := range docs {
			for _, field := range []string{"configMapGenerator", "secretGenerator"} {
				for _, gen := range items(child(d, field)) {
					g.allHot = g.allHot || g.generates(path.Dir(name), gen, variables)
				}
			}
		}
	}
}

func (g *graph) generates(dir string, gen *yaml.Node, variables map[string]bool) bool {
	name := text(gen, "name")
	variable := namesSource(variables, name)
	suspect := func(data []byte) bool {
		return g.hasWord(data) && (variable || !g.hasWord([]byte(name)) && chartKey(data))
	}
	for _, item := range items(child(gen, "literals")) {
		if suspect([]byte(deref(item).Value)) {
			return true
		}
	}
	paths := []string{text(gen, "env")}
	for _, key := range []string{"envs", "files"} {
		for _, item := range items(child(gen, key)) {
			p := deref(item).Value
			if _, after, ok := strings.Cut(p, "="); ok {
				p = after
			}
			paths = append(paths, p)
		}
	}
	for _, s := range paths {
		p, ok := resolve(dir, s)
		if f := g.files[p]; ok && s != "" && f != nil {
			g.look(f)
			if data, err := g.content(f); err != nil || suspect(data) {
				return true
			}
		}
	}
	return false
}
