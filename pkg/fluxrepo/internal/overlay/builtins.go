package overlay

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// needsBuiltins reports whether the schema of Kubernetes' own kinds could change what a build emits. It says one
// thing: how lists merge when a patch meets such a kind. A Flux repository mostly patches the kinds of Flux, which it
// does not know. In doubt it is needed.
func (b *Build) needsBuiltins(over map[string][]byte) bool {
	for _, p := range b.patches() {
		if p.err != nil || len(p.docs) == 0 || slices.ContainsFunc(p.docs, func(d *yaml.Node) bool {
			return d.Kind != yaml.SequenceNode && !ofFlux(p.target, d) || holdsObject(d)
		}) {
			return true
		}
	}
	if len(b.Spec.JSON) > 0 && bytes.Contains(b.Spec.JSON, []byte(`"patchesStrategicMerge"`)) {
		return true
	}
	needed := false
	for _, f := range b.Folders {
		f.Walk(func(f *Folder) bool {
			needed = shapes(f.Node) || b.copiesMore(f) || slices.ContainsFunc(f.Resources, func(p string) bool { return over[p] == nil && b.nests(p) })
			return !needed
		})
		if needed {
			return true
		}
	}
	return false
}

// shapes reports whether a kustomization changes objects in ways that are not looked into here.
func shapes(ks *yaml.Node) bool {
	return slices.ContainsFunc([]string{"vars", "transformers", "validators", "generators", "crds", "openapi"}, func(key string) bool {
		return yamldoc.Child(ks, key) != nil
	})
}

var plainSource = regexp.MustCompile(`^(metadata\.(name|namespace|labels\..*|annotations\..*))?$`)

// copiesMore reports whether replacements copy anything but names, or into what makes an object of another kind.
func (b *Build) copiesMore(f *Folder) bool {
	return slices.ContainsFunc(yamldoc.Items(yamldoc.Child(f.Node, "replacements")), func(r *yaml.Node) bool {
		if yamldoc.Child(r, "source") == nil || !plainSource.MatchString(yamldoc.Text(r, "source", "fieldPath")) {
			return true // or it stands in a file
		}
		return slices.ContainsFunc(yamldoc.Items(yamldoc.Child(r, "targets")), func(to *yaml.Node) bool {
			return slices.ContainsFunc(yamldoc.Items(yamldoc.Child(to, "fieldPaths")), func(p *yaml.Node) bool {
				return strings.HasSuffix(yamldoc.Deref(p).Value, "apiVersion") || strings.HasSuffix(yamldoc.Deref(p).Value, "kind")
			})
		})
	})
}

// ofFlux reports whether a patch can only meet a kind of Flux.
func ofFlux(target, patch *yaml.Node) bool {
	kind := yamldoc.Text(patch, "kind")
	if target != nil {
		kind = yamldoc.Text(target, "kind")
	} else if group, _, _ := strings.Cut(yamldoc.Text(patch, "apiVersion"), "/"); !strings.HasSuffix(group, ".fluxcd.io") {
		return false
	}
	return slices.Contains([]string{"HelmRelease", "Kustomization", "GitRepository", "OCIRepository", "HelmChart", "HelmRepository"}, kind)
}

// nests reports whether an object of Flux in a file holds what kustomize takes for an object of another kind: it
// looks for one at every depth.
func (b *Build) nests(p string) bool {
	const key = "apiVersion"
	f := b.Tree.File(p)
	if f.Marks&(worktree.Release|worktree.Kustomization|worktree.Source|worktree.Git) == 0 {
		return f.Err != nil || f.Marks&worktree.TooLarge != 0
	}
	data, err := b.Tree.Read(p)
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
	docs, err := b.Tree.Documents(p)
	return err != nil || slices.ContainsFunc(yamldoc.Objects(docs), holdsObject)
}

// holdsObject reports whether something below a node could be, or become, an object of one of Kubernetes' own kinds.
// A comment can name a schema, too.
func holdsObject(root *yaml.Node) bool {
	var visit func(n *yaml.Node) bool
	visit = func(n *yaml.Node) bool {
		group, _, _ := strings.Cut(yamldoc.Text(n, "apiVersion"), "/")
		builtin := yamldoc.Child(n, "apiVersion") != nil && (!strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io"))
		op := yamldoc.Text(n, "path")
		return n != root && (builtin || strings.HasSuffix(op, "/apiVersion") || strings.HasSuffix(op, "/kind")) ||
			strings.Contains(n.HeadComment+n.LineComment, "$ref") || slices.ContainsFunc(n.Content, visit)
	}
	return visit(root)
}
