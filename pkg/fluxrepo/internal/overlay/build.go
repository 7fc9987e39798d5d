package overlay

import (
	"fmt"
	"path"
	"strings"
	"sync"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"go.yaml.in/yaml/v3"
	kustresource "sigs.k8s.io/kustomize/api/resource"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Object is one object that a build emits.
type Object struct {
	APIVersion, Kind, Namespace, Name string
	Text                              []byte // YAML, before variables are put in
	Verbatim                          bool   // variables are not put in
}

// Built is what a build emits. With an error Flux applies none of it.
type Built struct {
	Objects []*Object
	Err     error
	// Unfollowed says that patches were left out because what they are for may lie in a remote resource.
	Unfollowed bool
}

// kept are the kinds that a check looks at; the rest of what is built is forgotten, except for DaemonSets where one may run Spegel.
func kept(kind string) bool {
	switch kind {
	case "HelmRelease", "Kustomization", "ConfigMap", "Secret", "OCIRepository", "HelmChart", "GitRepository", "ResourceSet", "ArtifactGenerator":
		return true
	}
	return strings.Contains(kind, "${")
}

// Cache keeps builds by the content of their inputs.
type Cache struct {
	mu     sync.Mutex
	builds map[string]*Built
	below  *Cache
}

// NewCache is empty. With another below it, it finds what that one has, and adds nothing to it.
func NewCache(below *Cache) *Cache { return &Cache{builds: map[string]*Built{}, below: below} }

func (c *Cache) get(key string) *Built {
	c.mu.Lock()
	b := c.builds[key]
	c.mu.Unlock()
	if b == nil && c.below != nil {
		return c.below.get(key)
	}
	return b
}

func (c *Cache) put(key string, b *Built) *Built {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.builds[key] = b
	return b
}

// Build is one build that is to be done.
type Build struct {
	Tree    *worktree.Tree
	Spec    *Spec
	Folders []*Folder // of the path, then of the components that the Kustomization adds
	// LeaveOut reports whether nothing is needed of a file of resources.
	LeaveOut func(file string) bool
	// Full uses the schema of Kubernetes' own kinds wherever it stands to reason that it makes no difference.
	Full bool
}

// Run builds. If a build without what may be left out fails, it is repeated in full.
func (c *Cache) Run(b Build) *Built {
	copies := b.copiesKustomizations()
	whole := func(string) bool { return false }
	if copies || b.LeaveOut == nil {
		b.LeaveOut = whole
	}
	manifest, err := b.Spec.manifest(b.Tree, b.Folders[0], b.LeaveOut)
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	key := b.key(manifest)
	if out := c.get(key); out != nil {
		return out
	}
	out := b.run(manifest)
	if out.Err != nil && !copies {
		b.LeaveOut = whole
		if manifest, err = b.Spec.manifest(b.Tree, b.Folders[0], whole); err == nil {
			out = b.run(manifest)
		}
	}
	if out.Err != nil && b.dropRemotePatches() {
		if manifest, err = b.Spec.manifest(b.Tree, b.Folders[0], whole); err == nil {
			if again := b.run(manifest); again.Err == nil {
				again.Unfollowed, out = true, again
			}
		}
	}
	return c.put(key, out)
}

// key tells builds apart. Files are the same for one repository, except those that were edited.
func (b *Build) key(manifest []byte) string {
	var key strings.Builder
	fmt.Fprintf(&key, "%s\x00%s\x00%t\x00%s", b.Spec.Path, b.Spec.Ignore.Spec, b.Full, manifest)
	for _, f := range b.Folders {
		f.Files(func(p string) bool {
			if b.LeaveOut(p) {
				fmt.Fprintf(&key, "\x00-%s", p)
			} else if data, ok := b.Tree.Edit(p); ok {
				fmt.Fprintf(&key, "\x00%s\x00%s", p, data)
			}
			return true
		})
	}
	return key.String()
}

// leftOut stands in a file that is left out of a build: a list of nothing. kustomize would take longer to find that a
// file holds no object at all than for the rest of a large build.
const leftOut = "apiVersion: v1\nkind: List\nitems: []\n"

func (b *Build) run(manifest []byte) *Built {
	top := b.Folders[0]
	over := map[string][]byte{path.Join(b.Spec.Path, top.manifestName()): manifest}
	schema := false
	var err error
	for _, f := range b.Folders {
		f.Walk(func(f *Folder) bool {
			schema = schema || f.schema
			for _, p := range f.Resources {
				if b.LeaveOut(p) {
					over[p] = []byte(leftOut)
				}
			}
			if f.Dir != b.Spec.Path && f.cut { // something is not there
				over[f.File], err = yaml.Marshal(f.Node)
			}
			return err == nil
		})
	}
	if err == nil {
		err = b.bounded()
	}
	if err != nil {
		return &Built{Err: err}
	}
	view := worktree.NewView(b.Tree, b.Spec.Ignore, over)
	spegels := b.runsSpegel()
	res, err := kustomize(view, path.Join(worktree.Mount, b.Spec.Path), schema, b.Full || spegels || b.needsBuiltins())
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	out := &Built{}
	for _, r := range res.Resources() {
		if kind := r.GetKind(); !kept(kind) && (kind != "DaemonSet" || !spegels) {
			continue
		}
		o, err := newObject(r)
		if err != nil {
			return &Built{Err: Plain(err)} // Flux applies none of it
		}
		out.Objects = append(out.Objects, o)
	}
	return out
}

func newObject(r *kustresource.Resource) (*Object, error) {
	const key = "kustomize.toolkit.fluxcd.io/substitute"
	text, err := r.AsYAML()
	return &Object{
		APIVersion: r.GetApiVersion(), Kind: r.GetKind(), Namespace: r.GetNamespace(), Name: r.GetName(), Text: text,
		Verbatim: r.GetLabels()[key] == fluxkustomize.DisabledValue || r.GetAnnotations()[key] == fluxkustomize.DisabledValue,
	}, err
}

// NewObject is an object as it stands in a file.
func NewObject(d *yaml.Node) *Object {
	text, err := yaml.Marshal(d)
	if err != nil {
		text = nil // can't be: it was decoded
	}
	const key = "kustomize.toolkit.fluxcd.io/substitute"
	return &Object{
		APIVersion: yamldoc.Text(d, "apiVersion"), Kind: yamldoc.Text(d, "kind"),
		Namespace: yamldoc.Text(d, "metadata", "namespace"), Name: yamldoc.Text(d, "metadata", "name"), Text: text,
		Verbatim: yamldoc.Text(d, "metadata", "labels", key) == fluxkustomize.DisabledValue ||
			yamldoc.Text(d, "metadata", "annotations", key) == fluxkustomize.DisabledValue,
	}
}
