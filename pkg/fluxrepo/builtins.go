package fluxrepo

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fluxMarks are the kinds of Flux's that may be patched without kustomize's schema of Kubernetes' own
// kinds, and what a file that holds one is marked with.
var fluxMarks = map[string]mark{
	"HelmRelease": markRelease, "Kustomization": markKustomization, "GitRepository": markGit,
	"OCIRepository": markSource, "HelmChart": markSource,
}

// needsBuiltins tells whether the schema of Kubernetes' own kinds could change what a build emits. It
// takes more memory and time to read than everything else that a check does in a usual repository, and it
// says one thing: how lists merge when a patch meets such a kind. A repository of Flux's mostly patches
// Flux's kinds, which it does not know. Where in doubt it is needed.
func (g *graph) needsBuiltins(n *node, over map[string][]byte) bool {
	spec := child(n.spec, "spec")
	if child(spec, "patchesStrategicMerge") != nil || child(spec, "patchesJson6902") != nil || !g.patchFlux(".", items(child(spec, "patches"))) {
		return true
	}
	needed := false
	for _, t := range n.trees {
		t.walk(func(t *tree) bool {
			needed = shapes(t.node) || !g.replacesNames(t) || !g.patchFlux(t.dir, items(child(t.node, "patches"))) || !g.patchFlux(t.dir, oldPatches(t.node)) ||
				slices.ContainsFunc(t.resources, func(f *file) bool { return over[f.path] == nil && g.nests(f) })
			return !needed
		})
	}
	return needed
}

// shapes tells whether a kustomization changes objects in ways that are not looked into here.
func shapes(ks *yaml.Node) bool {
	return slices.ContainsFunc([]string{"vars", "transformers", "validators", "generators", "crds", "openapi"}, func(key string) bool {
		return child(ks, key) != nil
	})
}

var plainSource = regexp.MustCompile(`^(metadata\.(name|namespace|labels\..*|annotations\..*))?$`)

// replacesNames tells whether replacements put names, and the like, into fields that make no object of
// another kind.
func (g *graph) replacesNames(t *tree) bool {
	for _, item := range items(child(t.node, "replacements")) {
		docs := []*yaml.Node{deref(item)}
		if p, ok := resolve(t.dir, text(item, "path")); ok && g.files[p] != nil && text(item, "path") != "" {
			var err error
			if docs, err = g.decoded(g.files[p]); err != nil {
				return false
			}
		}
		for _, d := range docs {
			all := items(d)
			if len(all) == 0 {
				all = []*yaml.Node{d}
			}
			if !slices.ContainsFunc(all, func(r *yaml.Node) bool { return child(r, "source") != nil }) || slices.ContainsFunc(all, replacesMore) {
				return false
			}
		}
	}
	return true
}

func replacesMore(r *yaml.Node) bool {
	return !plainSource.MatchString(text(r, "source", "fieldPath")) || slices.ContainsFunc(items(child(r, "targets")), func(to *yaml.Node) bool {
		return slices.ContainsFunc(items(child(to, "fieldPaths")), func(p *yaml.Node) bool {
			return strings.HasSuffix(deref(p).Value, "apiVersion") || strings.HasSuffix(deref(p).Value, "kind")
		})
	})
}

// oldPatches are the patches of older kustomizations in today's form.
func oldPatches(ks *yaml.Node) []*yaml.Node {
	out := slices.Clone(items(child(ks, "patchesJson6902")))
	for _, item := range items(child(ks, "patchesStrategicMerge")) {
		field := "path"
		if isInline(deref(item).Value) {
			field = "patch"
		}
		out = append(out, &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: field}, deref(item)}})
	}
	return out
}

// patchFlux tells whether patches are either lists of operations, which need no schema, or for kinds of
// Flux's.
func (g *graph) patchFlux(dir string, patches []*yaml.Node) bool {
	return !slices.ContainsFunc(patches, func(p *yaml.Node) bool {
		var docs []*yaml.Node
		var err error
		inline := text(p, "patch")
		if to, ok := resolve(dir, text(p, "path")); inline == "" && ok && g.files[to] != nil {
			docs, err = g.decoded(g.files[to])
		} else {
			docs, err = decodeDocuments([]byte(inline))
		}
		return err != nil || len(docs) == 0 || slices.ContainsFunc(docs, func(d *yaml.Node) bool {
			return d.Kind != yaml.SequenceNode && !isFlux(child(p, "target"), d) || holdsObject(d)
		})
	})
}

// isFlux tells whether a patch can only meet a kind of Flux's.
func isFlux(target, patch *yaml.Node) bool {
	if target != nil {
		return fluxMarks[text(target, "kind")] != 0
	}
	group, _, _ := strings.Cut(text(patch, "apiVersion"), "/")
	return strings.HasSuffix(group, ".fluxcd.io") && fluxMarks[text(patch, "kind")] != 0
}

// nests tells whether an object of Flux's in a file holds what kustomize takes for an object of another
// kind: it looks for one at every depth.
func (g *graph) nests(f *file) bool {
	const key = "apiVersion"
	if f.marks&(markRelease|markKustomization|markSource|markGit) == 0 {
		return f.err != nil || f.marks&markTooLarge != 0
	}
	data, err := g.content(f)
	if err != nil {
		return true
	}
	starts := bytes.Count(data, []byte("\n"+key))
	if bytes.HasPrefix(data, []byte(key)) {
		starts++
	}
	if bytes.Count(data, []byte(key)) == starts && starts <= 1+bytes.Count(data, []byte("\n---")) &&
		bytes.IndexByte(data, '\\') < 0 && !bytes.Contains(data, []byte("$ref")) {
		return false // each stands where an object begins
	}
	docs, err := g.decoded(f)
	return err != nil || slices.ContainsFunc(objectsOf(docs), holdsObject)
}

// holdsObject tells whether something below a node could be, or become, an object of one of Kubernetes'
// own kinds. A comment can name a schema, too.
func holdsObject(root *yaml.Node) bool {
	var visit func(n *yaml.Node) bool
	visit = func(n *yaml.Node) bool {
		group, _, _ := strings.Cut(text(n, "apiVersion"), "/")
		builtin := child(n, "apiVersion") != nil && (!strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io"))
		op := text(n, "path")
		return n != root && (builtin || strings.HasSuffix(op, "/apiVersion") || strings.HasSuffix(op, "/kind")) ||
			strings.Contains(n.HeadComment+n.LineComment, "$ref") || slices.ContainsFunc(n.Content, visit)
	}
	return visit(root)
}
