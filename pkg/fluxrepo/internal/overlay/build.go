package overlay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
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
	// Unfollowed says that patches were left out because what they are for may lie in a remote resource.
	Unfollowed bool
}

// Object is one object that a build emits.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	Text                              []byte // YAML, before variables are put in
	Verbatim                          bool   // variables are not put in
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
	const key = "kustomize.toolkit.fluxcd.io/substitute"
	return &Object{
		APIVersion: yamldoc.Text(d, "apiVersion"), Kind: yamldoc.Text(d, "kind"),
		Namespace: yamldoc.Text(d, "metadata", "namespace"), Name: yamldoc.Text(d, "metadata", "name"), Text: text,
		Verbatim: yamldoc.Text(d, "metadata", "labels", key) == fluxkustomize.DisabledValue ||
			yamldoc.Text(d, "metadata", "annotations", key) == fluxkustomize.DisabledValue,
	}
}

// kept are the kinds that a check looks at; the rest of what is built is forgotten, except for DaemonSets where one may run Spegel.
func kept(kind string) bool {
	return strings.Contains(kind, "${") || slices.Contains([]string{
		"HelmRelease", "Kustomization", "ConfigMap", "Secret", "OCIRepository", "HelmChart", "GitRepository", "ResourceSet", "FluxInstance",
		"ArtifactGenerator",
	}, kind)
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
	// Full uses the schema of Kubernetes' own kinds. It says how lists merge when a patch meets such a kind, and nothing
	// with such a list is kept: only what is copied out of one, and a DaemonSet that may run Spegel.
	Full bool
	// Blame finds out which of spec.patches a build fails for.
	Blame bool

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
	if b.any(b.needsAll) {
		b.Full, b.LeaveOut = true, nil
	}
	b.Full = b.Full || b.any(func(f *Folder) bool {
		const spegel = worktree.DaemonSet | worktree.Word
		return slices.ContainsFunc(f.Resources, func(p string) bool { return b.Tree.File(p).Marks&spegel == spegel })
	})
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
	if last := len(b.Spec.Patches) - 1; b.Blame && out.Err != nil && last >= 0 && last < maxBlamed {
		spec := *b.Spec
		spec.Patches = spec.Patches[:last]
		if before := c.Run(Build{Tree: b.Tree, Spec: &spec, Folders: b.Folders, Full: true, Blame: true}); before.Err == nil {
			out.Err = &PatchError{last, out.Err}
		} else {
			out.Err = before.Err
		}
	}
	c.builds[key] = out
	return out
}

// maxBlamed bounds the patches among which the one is looked for that keeps a build from succeeding.
const maxBlamed = 32

// PatchError is one of spec.patches without which, and those behind it, a build succeeds.
type PatchError struct {
	Index int
	Err   error
}

// Error names the patch.
func (e *PatchError) Error() string { return fmt.Sprintf("spec.patches[%d]: %s", e.Index, e.Err) }

// Unwrap returns the reason.
func (e *PatchError) Unwrap() error { return e.Err }

// needsAll reports whether a folder may copy out of objects that are not kept, or of Kustomizations, or change objects by
// what is no patch.
func (b *Build) needsAll(f *Folder) bool {
	for _, field := range f.ks.Replacements {
		list := []kustypes.Replacement{field.Replacement}
		if p, ok := worktree.Resolve(f.Dir, field.Path); field.Path != "" && ok {
			data, _ := b.Tree.Read(p) // an error is kustomize's to say
			if sigsyaml.Unmarshal(data, &list) != nil {
				_ = sigsyaml.Unmarshal(data, &list[0])
			}
		}
		if slices.ContainsFunc(list, func(r kustypes.Replacement) bool {
			s := r.Source
			return s != nil && (s.Kind == "" || s.Kind == "Kustomization" || !kept(s.Kind) && s.FieldPath != "" && !strings.HasPrefix(s.FieldPath, "metadata."))
		}) {
			return true
		}
	}
	return len(f.ks.Vars)+len(f.ks.Transformers)+len(f.ks.Generators)+len(f.ks.Validators) > 0 //nolint:staticcheck // vars are still built
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
		if f.changed || b.aim {
			ks := f.ks
			if b.aim {
				ks.Patches = b.aimed(f)
			}
			if text, err := json.Marshal(ks); err == nil { // it was decoded
				over[f.File] = string(text)
			}
		}
	}
	return over
}

// run builds once.
func (c *Cache) run(b *Build, over map[string]string) *Built {
	c.Work += perBuild + b.size
	if err := b.bounded(); err != nil {
		return &Built{Err: err}
	}
	addsSchema := b.any(func(f *Folder) bool { return f.ks.OpenAPI != nil || f.ks.Crds != nil })
	res, err := kustomize(worktree.NewView(b.Tree, b.Spec.Ignore, over), path.Join(worktree.Mount, b.Spec.Path), addsSchema, b.Full)
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	out := &Built{}
	for _, r := range res.Resources() {
		if kind := r.GetKind(); !kept(kind) && (kind != "DaemonSet" || !b.Full) {
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

// bounded refuses texts in a kustomization, such as patches, that would fill the memory: kustomize v0.21 expands the
// aliases in them without a bound. Files are looked at when kustomize reads them.
func (b *Build) bounded() error {
	for _, f := range b.all {
		texts := slices.Concat(f.ks.Transformers, f.ks.Generators, f.ks.Validators)
		for _, p := range f.Patches() {
			texts = append(texts, p.Patch)
		}
		for _, text := range texts {
			if !strings.Contains(text, "*") {
				continue
			}
			if _, err := yamldoc.Decode([]byte(text)); yamldoc.IsBomb(err) {
				return fmt.Errorf("a patch, or the like, %w", err)
			}
		}
	}
	return nil
}
