package overlay

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// Built is what a build emits. With an error Flux applies none of it.
type Built struct {
	Objects []*Object
	Err     error
	// Unfollowed says that patches were left out because what they are for may lie in a remote resource.
	Unfollowed bool
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
	// LeaveOut reports whether nothing is needed of a file of resources; nil for none.
	LeaveOut func(file string) bool
	// Full uses the schema of Kubernetes' own kinds wherever it stands to reason that it makes no difference.
	Full bool

	all []*Folder // that the build reads, the one of the path first
}

// Run builds. If a build without what may be left out fails, it is repeated in full.
func (c *Cache) Run(b Build) *Built {
	top, err := b.Spec.apply(b.Tree, b.Folders[0])
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	for _, f := range append([]*Folder{top}, b.Folders[1:]...) {
		f.Walk(func(f *Folder) bool {
			if f != b.Folders[0] {
				b.all = append(b.all, f)
			}
			return true
		})
	}
	if slices.ContainsFunc(b.all, (*Folder).copiesKustomizations) {
		b.LeaveOut = nil
	}
	key, err := b.key()
	if err != nil {
		return &Built{Err: err}
	}
	if out := c.get(key); out != nil {
		return out
	}
	out := b.run(false)
	if out.Err != nil && b.LeaveOut != nil {
		b.LeaveOut = nil
		out = b.run(false)
	}
	if out.Err != nil && slices.ContainsFunc(b.all, (*Folder).isRemote) {
		if again := b.run(true); again.Err == nil {
			again.Unfollowed, out = true, again
		}
	}
	return c.put(key, out)
}

func (b *Build) isLeftOut(file string) bool { return b.LeaveOut != nil && b.LeaveOut(file) }

// key tells builds apart. Files are the same for one repository, except those that were edited.
func (b *Build) key() (string, error) {
	var key strings.Builder
	text, err := json.Marshal(b.all[0].ks)
	fmt.Fprintf(&key, "%s\x00%s\x00%t\x00%s", b.Spec.Path, b.Spec.Ignore.Spec, b.Full, text)
	for _, f := range b.all {
		for _, p := range slices.Concat([]string{f.File}, f.Resources, f.Inputs) {
			if b.isLeftOut(p) {
				fmt.Fprintf(&key, "\x00-%s", p)
			} else if data, ok := b.Tree.Edit(p); ok {
				fmt.Fprintf(&key, "\x00%s\x00%s", p, data)
			}
		}
	}
	return key.String(), err
}

// leftOut stands in a file that is left out of a build: a list of nothing. kustomize would take longer to find that a
// file holds no object at all than for the rest of a large build.
const leftOut = "apiVersion: v1\nkind: List\nitems: []\n"

// run builds once. With aim, a patch whose object is not there is no failure.
func (b *Build) run(aim bool) *Built {
	if err := b.bounded(); err != nil {
		return &Built{Err: err}
	}
	over, err := b.made(aim)
	if err != nil {
		return &Built{Err: err}
	}
	spegels := slices.ContainsFunc(b.all, b.runsSpegel)
	res, err := kustomize(worktree.NewView(b.Tree, b.Spec.Ignore, over), path.Join(worktree.Mount, b.Spec.Path),
		slices.ContainsFunc(b.all, (*Folder).hasSchema), b.Full || spegels || slices.ContainsFunc(b.all, (*Folder).needsBuiltins))
	if err != nil {
		return &Built{Err: Plain(err)}
	}
	out := &Built{}
	for _, r := range res.Resources() {
		if kind := r.GetKind(); !kept(kind) && (kind != "DaemonSet" || !spegels) {
			continue
		}
		text, err := r.AsYAML()
		if err != nil {
			return &Built{Err: Plain(err)} // Flux applies none of it
		}
		out.Objects = append(out.Objects, newObject(r.YNode(), text))
	}
	return out
}

// made are the files that are not as the tree has them: what is left out, and kustomizations without what is not there.
func (b *Build) made(aim bool) (map[string][]byte, error) {
	over := map[string][]byte{}
	for _, f := range b.all {
		for _, p := range f.Resources {
			if b.isLeftOut(p) {
				over[p] = []byte(leftOut)
			}
		}
		if !f.changed && !aim {
			continue
		}
		ks := f.ks
		if aim {
			ks.Patches, ks.PatchesStrategicMerge = b.aimed(f), nil //nolint:staticcheck // as repositories have it
		}
		text, err := json.Marshal(ks)
		if err != nil {
			return nil, err
		}
		over[f.File] = text
	}
	return over, nil
}
