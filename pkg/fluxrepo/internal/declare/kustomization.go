package declare

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Kustomization is a Flux Kustomization, as it stands in a file or as another builds it.
type Kustomization struct {
	File            string // it comes from
	Node            *yaml.Node
	Namespace, Name string
	Path            string            // its path as a folder of the repository
	Folders         []*overlay.Folder // what its build reads, its path first; none with a problem
	Ignore          *worktree.Ignore  // what its source leaves out
	Problem         string            // why it can't be followed
	Missing         bool              // that is because its path does not exist
	MayRead         bool              // what lies in its path all the same, as its source or a variable in its path is not known
	Index           int               // of one that stands in a file, among the documents there

	source SourceRef
}

// NewKustomization is one that comes from a file.
func NewKustomization(node *yaml.Node, file string) *Kustomization {
	k := &Kustomization{File: file, Node: node, Namespace: yamldoc.Text(node, "metadata", "namespace"), Name: yamldoc.Text(node, "metadata", "name")}
	k.source = sourceOf(node)
	k.Path = cmp.Or(strings.TrimPrefix(path.Clean("/"+yamldoc.Text(node, "spec", "path")), "/"), ".")
	return k
}

// Components are spec.components.
func (k *Kustomization) Components() (out []string) {
	for _, c := range yamldoc.Items(yamldoc.Child(k.Node, "spec", "components")) {
		out = append(out, yamldoc.Deref(c).Value)
	}
	return out
}

// Files are what its build reads.
func (k *Kustomization) Files() []string { return overlay.Files(k.Folders...) }

// Follow finds what a Kustomization reads, or says why it can't be followed. root is the one that its chain begins with: what is
// built from the same source as that is built from this repository, too.
func (r *Repository) Follow(k, root *Kustomization) {
	near, same := k.File, k.source == root.source
	if same {
		near = root.File
	}
	s := r.Source(k.source, near, k.Path)
	k.Ignore, s.Ours = s.Ignore, s.Ours || same && k != root
	written := yamldoc.Child(k.Node, "spec", "path")
	switch {
	case strings.Contains(k.Path, "${"):
		k.Problem = "its path holds a variable without a value: " + written.Value
	case !s.Ours:
		k.Problem = fmt.Sprintf("built from %s %s, ", k.source.Kind, k.source.Name)
		if s.Known {
			k.Problem += "which is not this repository"
		} else {
			k.Problem += "whose files are not known"
		}
	case k.Ignore.Dir(k.Path) || written != nil && written.Kind != yaml.ScalarNode:
		k.Missing, k.Problem = true, fmt.Sprintf("its path %s is not in this repository", yamldoc.Text(k.Node, "spec", "path"))
	default:
		k.Folders = r.folders(k)
	}
	k.MayRead = k.Problem != "" && !k.Missing && (s.Ours || !s.Known)
}

// folders are the path of a Kustomization and its components, and all below these.
func (r *Repository) folders(k *Kustomization) []*overlay.Folder {
	out := []*overlay.Folder{r.Reader.Folder(k.Ignore, k.Path)}
	for _, c := range k.Components() {
		if p, ok := worktree.Resolve(k.Path, c); ok && r.tree.IsDir(p) {
			out = append(out, r.Reader.Folder(k.Ignore, p))
		}
	}
	return overlay.All(out...)
}
