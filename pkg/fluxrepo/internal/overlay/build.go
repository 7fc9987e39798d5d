package overlay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// Built is what a build emits. With an error Flux applies none of it.
type Built struct {
	Objects []*Object
	Err     error
	// Unfollowed says that patches were left out because what they are for may lie in a remote resource.
	Unfollowed bool
}

// What a build takes beside its files, and one that is kept, in bytes that take as long.
const (
	perBuild = 4 << 10
	perRun   = 1 << 10
)

// Cache keeps builds by the content of their inputs.
type Cache struct {
	// Work is how much was built so far, in bytes: those of the files that each build reads, a few for each build, and
	// fewer for each that was asked for.
	Work int

	builds map[string]*Built
}

// NewCache is empty.
func NewCache() *Cache { return &Cache{builds: map[string]*Built{}} }

// Build is one build that is to be done.
type Build struct {
	Tree    *worktree.Tree
	Spec    *Spec
	Folders []*Folder // that the build reads, the one of the path first
	// LeaveOut reports whether nothing is needed of a file of resources; nil for none.
	LeaveOut func(file string) bool
	// Full uses the schema of Kubernetes' own kinds wherever it stands to reason that it makes no difference.
	Full bool

	aim  bool      // a patch whose object is not there is no failure
	all  []*Folder // that the build reads, with what the Spec says of the first
	size int       // of the files in them, without what is left out
}

// Run builds. What fails without what may be left out, or without the schema, is repeated in full.
func (c *Cache) Run(b Build) *Built {
	c.Work += perRun
	top, err := b.Spec.apply(b.Tree, b.Folders[0])
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	b.all = append([]*Folder{top}, b.Folders[1:]...)
	if b.any(func(f *Folder) bool { return f.whole }) {
		b.LeaveOut = nil
	}
	over := b.made()
	key := fmt.Sprintf("%q %q %t %q", b.Spec.Path, b.Spec.Ignore.Spec, b.Full, over)
	if out := c.builds[key]; out != nil {
		return out
	}
	out := c.run(&b, over)
	if out.Err != nil && (!b.Full || b.LeaveOut != nil) {
		b.Full, b.LeaveOut = true, nil
		out = c.run(&b, b.made())
	}
	if out.Err != nil && b.any(func(f *Folder) bool { return slices.ContainsFunc(f.Holes, func(h Hole) bool { return h.Remote }) }) {
		b.aim = true
		if again := c.run(&b, b.made()); again.Err == nil {
			again.Unfollowed, out = true, again
		}
	}
	c.builds[key] = out
	return out
}

func (b *Build) any(is func(*Folder) bool) bool { return slices.ContainsFunc(b.all, is) }

// leftOut stands in a file that is left out of a build: a list of nothing. kustomize would take longer to find that a
// file holds no object at all than for the rest of a large build.
const leftOut = "apiVersion: v1\nkind: List\nitems: []\n"

// made are the files that are not as the repository has them: what is left out, what was edited, and kustomizations
// without what is not there.
func (b *Build) made() map[string]string {
	over := map[string]string{}
	b.size = 0
	for _, f := range b.all {
		for _, p := range slices.Concat([]string{f.File}, f.Resources, f.Inputs) {
			if b.LeaveOut != nil && b.LeaveOut(p) {
				over[p] = leftOut
				continue
			}
			if file := b.Tree.File(p); file != nil {
				b.size += file.Size
				if file.Edit != nil {
					over[p] = string(file.Edit)
				}
			}
		}
		if !f.changed && !b.aim {
			continue
		}
		ks := f.ks
		if b.aim {
			ks.Patches, ks.PatchesStrategicMerge = b.aimed(f), nil //nolint:staticcheck // as repositories have it
		}
		text, err := json.Marshal(ks)
		if err != nil {
			continue // can't be: it was decoded
		}
		over[f.File] = string(text)
	}
	return over
}

// run builds once.
func (c *Cache) run(b *Build, over map[string]string) *Built {
	c.Work += perBuild + b.size
	if err := b.bounded(); err != nil {
		return &Built{Err: err}
	}
	builtins := b.Full || b.any(func(f *Folder) bool { return f.builtins })
	res, err := kustomize(worktree.NewView(b.Tree, b.Spec.Ignore, over), path.Join(worktree.Mount, b.Spec.Path),
		b.any(func(f *Folder) bool { return f.schema }), builtins)
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	out := &Built{}
	for _, r := range res.Resources() {
		if kind := r.GetKind(); !kept(kind) && (kind != "DaemonSet" || !builtins) {
			continue
		}
		text, err := written(r.YNode(), r.GetKind())
		if err != nil {
			return &Built{Err: Plain(err)} // Flux applies none of it
		}
		out.Objects = append(out.Objects, newObject(r.YNode(), text))
	}
	return out
}

// written is an object as kustomize writes it, which does so by way of a text and of JSON. Of data there is most, and
// little is looked at: it stays JSON, except where a variable may become a number, and is without what SOPS says of how it
// was encrypted.
func written(n *yaml.Node, kind string) ([]byte, error) {
	var fields map[string]any
	if err := n.Decode(&fields); err != nil {
		return nil, err
	}
	if kind == "ConfigMap" || kind == "Secret" {
		delete(fields, "sops")
		if text, err := json.Marshal(fields); err != nil || !bytes.Contains(text, []byte("${")) {
			return text, err
		}
	}
	return sigsyaml.Marshal(fields)
}
