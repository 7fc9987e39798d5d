package fluxrepo

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// maxCopied bounds what JSON patches may make of the objects of a build, in bytes: each copy may double
// one of them.
const maxCopied = 1 << 28

// patchesBounded refuses patches that would fill the memory. Kustomize v0.21.1 expands the aliases of a
// patch without a bound. The files that it reads are looked at when it reads them.
func (g *graph) patchesBounded(n *node) error {
	b := &bounds{graph: g, size: 1}
	b.all(n.path, items(child(child(n.spec, "spec"), "patches")))
	for _, ops := range items(child(child(n.spec, "spec"), "patchesJson6902")) {
		b.operations(child(ops, "patch"))
	}
	for _, t := range n.trees {
		t.walk(func(t *tree) bool {
			b.all(t.dir, items(child(t.node, "patches")))
			b.all(t.dir, oldPatches(t.node))
			for _, field := range []string{"generators", "transformers", "validators"} {
				for _, item := range items(child(t.node, field)) {
					b.inline(deref(item).Value)
				}
			}
			for _, f := range t.resources {
				b.size += f.size
			}
			return true
		})
	}
	if b.bomb != nil {
		return b.bomb
	}
	if b.copied > 1 && (b.copied > 27 || b.size<<b.copied > maxCopied) {
		return fmt.Errorf("its patches copy too much (%d times)", b.copied)
	}
	return nil
}

// bounds is how much patches may make.
type bounds struct {
	*graph
	copied int
	size   int64
	bomb   error
}

func (b *bounds) all(dir string, patches []*yaml.Node) {
	for _, p := range patches {
		for _, d := range b.inline(text(p, "patch")) {
			b.operations(d)
		}
		if file, ok := resolve(dir, text(p, "path")); ok && b.files[file] != nil {
			docs, _ := b.decoded(b.files[file]) // kustomize says what it can't read
			for _, d := range docs {
				b.operations(d)
			}
		}
	}
}

// inline reads a text that stands in a kustomization.
func (b *bounds) inline(s string) []*yaml.Node {
	docs, err := decodeDocuments([]byte(s))
	if isBomb(err) {
		b.bomb = fmt.Errorf("a patch, or the like, %w", err)
	}
	return docs // kustomize says what else it can't read
}

func (b *bounds) operations(patch *yaml.Node) {
	for _, op := range items(patch) {
		if text(op, "op") == "copy" {
			b.copied++
		}
	}
}
