package overlay

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Built is what a build emits. With an error Flux applies none of it.
type Built struct {
	Objects []*Object
	Err     error
}

// Object is one object that a build emits.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	Text                              []byte // YAML, before variables are put in
}

// NewObject is an object as it stands in a file.
func NewObject(d *yaml.Node) *Object {
	text, err := yaml.Marshal(d)
	if err != nil {
		text = nil // can't be: it was decoded
	}
	return newObject(d, text)
}

func newObject(d *yaml.Node, text []byte) *Object {
	return &Object{
		APIVersion: yamldoc.Text(d, "apiVersion"), Kind: yamldoc.Text(d, "kind"),
		Namespace: yamldoc.Text(d, "metadata", "namespace"), Name: yamldoc.Text(d, "metadata", "name"), Text: text,
	}
}

// kept reports whether a check looks at a kind; the rest of what is built is forgotten, except for DaemonSets where one may run Spegel.
func kept(kind string) bool {
	return strings.Contains(kind, "${") || kind == "Kustomization" || worktree.MarkOf(kind)&^worktree.DaemonSet != 0
}

// What a build takes beside its files, and one that is kept, in bytes that take as long.
const (
	perBuild = 4 << 10
	perRun   = 1 << 10
)

// Cache keeps builds by the content of their inputs.
type Cache struct {
	Work   int // how much was built so far, in bytes of files, and what takes as long as these
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
	// Full uses the schema of Kubernetes' own kinds. It says how lists merge when a patch meets such a kind, and nothing with such
	// a list is kept: only what is copied out of one, and a DaemonSet that may run Spegel.
	Full bool
	// Blame finds out which of spec.patches a build fails for.
	Blame bool

	aim bool      // a patch whose object is not there is no failure, as it may lie in a remote resource
	all []*Folder // that the build reads, with what the Spec says of the first
}

// Run builds. What fails without what may be left out, or without the schema, is repeated in full.
func (c *Cache) Run(b Build) *Built {
	c.Work += perRun
	top, err := b.Spec.apply(b.Tree, b.Folders[0])
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	b.all = append([]*Folder{top}, b.Folders[1:]...)
	b.aim = b.any(func(f *Folder) bool { return slices.ContainsFunc(f.Holes, func(h Hole) bool { return h.Remote }) })
	if b.any((*Folder).plugs) {
		b.Full, b.LeaveOut = true, nil
	}
	b.Full = b.Full || b.any(b.needsSchema)
	out := c.run(&b)
	if out.Err != nil {
		b.Full, b.LeaveOut = true, nil
		out = c.run(&b)
	}
	if last := len(b.Spec.Patches) - 1; b.Blame && out.Err != nil && last >= 0 {
		spec := *b.Spec
		spec.Patches = spec.Patches[:last]
		before := c.Run(Build{Tree: b.Tree, Spec: &spec, Folders: b.Folders, Full: true, Blame: true})
		if before.Err == nil {
			before = &Built{Err: &yamldoc.FieldError{Field: fmt.Sprintf("spec.patches[%d]", last), Problem: ": " + out.Err.Error()}}
		}
		return before
	}
	return out
}

func (b *Build) any(is func(*Folder) bool) bool { return slices.ContainsFunc(b.all, is) }

// needsSchema reports whether a folder makes the schema of Kubernetes' own kinds necessary.
func (b *Build) needsSchema(f *Folder) bool {
	const spegel = worktree.DaemonSet | worktree.Word
	return slices.ContainsFunc(f.Resources, func(p string) bool { return b.Tree.File(p).Marks&spegel == spegel }) ||
		slices.ContainsFunc(f.sources(b.Tree), func(s kustypes.SourceSelector) bool {
			return s.FieldPath != "" && !strings.HasPrefix(s.FieldPath, "metadata.")
		})
}

// run builds once.
func (c *Cache) run(b *Build) *Built {
	all, err := b.files()
	if err != nil {
		return &Built{Err: err}
	}
	key := fmt.Sprintf("%q %t %x", b.Spec.Path, b.Full, all.fingerprint())
	out := c.builds[key]
	if out == nil {
		c.Work += perBuild + all.size + all.objects*all.objects // kustomize compares each with each
		out = all.build()
		c.builds[key] = out
	}
	return out
}

func (f *files) build() *Built {
	if err := f.of.bombs(); err != nil {
		return &Built{Err: err}
	}
	res, err := kustomize(f, path.Join(mount, f.of.Spec.Path))
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	out := &Built{}
	for _, r := range res.Resources() {
		if kind := r.GetKind(); !kept(kind) && (kind != "DaemonSet" || !f.of.Full) {
			continue
		}
		var fields map[string]any // kustomize writes it so, by a detour
		err := r.YNode().Decode(&fields)
		text, failed := sigsyaml.Marshal(fields)
		if err = cmp.Or(err, failed); err != nil {
			return &Built{Err: Plain(err)} // Flux applies none of it
		}
		out.Objects = append(out.Objects, newObject(r.YNode(), text))
	}
	return out
}
