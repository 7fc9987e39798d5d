package overlay

import (
	"cmp"
	"slices"

	kustypes "sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// Folder is what kustomize reads for one folder.
type Folder struct {
	Dir       string
	File      string    // the kustomization; empty where Flux generates one
	Resources []string  // files with objects, in order
	Inputs    []string  // patches, values and the like
	Subs      []*Folder // bases and components
	Holes     []Hole

	ks      kustypes.Kustomization // without what is not there
	changed bool                   // ks is not what File has
}

// Hole is what a kustomization names and what is not there. Line and Column count from 1; 0 is not known.
type Hole struct {
	File         string
	Line, Column int
	Field, Path  string // what names it, and how; empty where the folder itself can't be read
	Remote       bool   // it lies elsewhere
	Shaping      bool   // it could change objects that others bring
	Problem      string
}

// All are some folders and all below them, each once.
func All(folders ...*Folder) (out []*Folder) {
	seen := map[*Folder]bool{}
	var add func([]*Folder)
	add = func(folders []*Folder) {
		for _, f := range folders {
			if !seen[f] {
				seen[f], out = true, append(out, f)
				add(f.Subs)
			}
		}
	}
	add(folders)
	return out
}

// Files are what some folders read, and not what those below them do.
func Files(folders ...*Folder) (out []string) {
	for _, f := range folders {
		if f.File != "" {
			out = append(out, f.File)
		}
		out = append(append(out, f.Resources...), f.Inputs...)
	}
	return out
}

// plugs reports whether the kustomization changes objects, or makes some, by what is neither a patch nor a replacement.
func (f *Folder) plugs() bool {
	return len(f.ks.Vars)+len(f.ks.Transformers)+len(f.ks.Generators)+len(f.ks.Validators) > 0 //nolint:staticcheck // vars are still built
}

// Copies reports whether the kustomization copies out of the objects of its files.
func (f *Folder) Copies() bool { return len(f.ks.Replacements) > 0 }

// CopiesSecrets reports whether a replacement, or the like, may copy out of a Secret.
func (f *Folder) CopiesSecrets(tree *worktree.Tree) bool {
	return f.plugs() || slices.ContainsFunc(f.sources(tree), func(s kustypes.SourceSelector) bool { return s.Kind == "" || s.Kind == "Secret" })
}

// sources are what replacements copy out of.
func (f *Folder) sources(tree *worktree.Tree) (out []kustypes.SourceSelector) {
	for _, field := range f.ks.Replacements {
		list := []kustypes.Replacement{field.Replacement}
		if p, ok := worktree.Resolve(f.Dir, field.Path); field.Path != "" && ok {
			data, _ := tree.Read(p) // an error is kustomize's to say
			if sigsyaml.Unmarshal(data, &list) != nil {
				_ = sigsyaml.Unmarshal(data, &list[0])
			}
		}
		for _, r := range list {
			out = append(out, *cmp.Or(r.Source, &kustypes.SourceSelector{}))
		}
	}
	return out
}

// Renames reports whether the kustomization puts something before or after the names of its objects.
func (f *Folder) Renames() bool { return f.ks.NamePrefix+f.ks.NameSuffix != "" }

// Patches are those of the kustomization. Some stand in files, and these are inputs.
func (f *Folder) Patches() []kustypes.Patch {
	return slices.Concat(f.ks.Patches, f.ks.PatchesJson6902) //nolint:staticcheck // repositories have the old field, too
}

// IsComponent reports whether the kustomization is a part of others.
func (f *Folder) IsComponent() bool { return f.ks.Kind == kustypes.ComponentKind }

// Lists reports whether the kustomization names resources.
func (f *Folder) Lists() bool {
	return len(f.ks.Resources) > 0 || slices.ContainsFunc(f.Holes, func(h Hole) bool { return h.Field == "resources" })
}
