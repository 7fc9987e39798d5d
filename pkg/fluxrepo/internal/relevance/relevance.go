package relevance

import (
	"bytes"
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Finder finds what has to be built: a Kustomization is relevant if an input of it has a word of the prefilter, or can
// produce an object that is needed. It is a search in bytes, and knows nothing of kustomize except inputs, names, and what a
// patch is for.
type Finder struct {
	// All says that everything is relevant: it was asked for, or what is handed over has a word.
	All bool

	tree     *worktree.Tree
	decl     *declare.Repository
	needed   map[string]bool // names that a release, or the variables of a relevant Kustomization, ask for
	leads    map[string]bool // names of sources, ConfigMaps and Secrets with a word
	known    int             // names, when it was last asked what is relevant
	relevant map[*declare.Kustomization]bool
	flags    map[string]bool     // whether a file has a word, or what is needed, or refers to what leads to a word
	dirs     map[string][]string // all folders, by their last name
}

// Inputs are what a Kustomization is built of.
type Inputs struct {
	Node    *yaml.Node // of the Kustomization; in its chain with the variables of its parent put in
	Text    []byte     // the same
	Folders []*overlay.Folder
	Values  string // of its variables
}

// New finds the names that lead to words. given are the texts that are handed over.
func New(tree *worktree.Tree, decl *declare.Repository, all bool, given []string) *Finder {
	f := &Finder{tree: tree, decl: decl, dirs: map[string][]string{}, needed: map[string]bool{}, leads: map[string]bool{}}
	f.All = all || slices.ContainsFunc(given, f.HasWord)
	for _, d := range f.tree.DirPaths() {
		f.dirs[path.Base(d)] = append(f.dirs[path.Base(d)], d)
	}
	for _, p := range f.tree.Paths() {
		file := f.tree.File(p)
		if file.Marks&worktree.Word == 0 || file.Marks&(worktree.Data|worktree.Source) == 0 || !file.IsManifest() {
			continue
		}
		docs, _ := f.tree.Documents(p) // reported where the file is needed
		for _, d := range yamldoc.Objects(docs) {
			name := yamldoc.Text(d, "metadata", "name")
			if text, err := yaml.Marshal(d); err == nil && name != "" && !strings.Contains(name, "$") && isNeeded(yamldoc.Text(d, "kind")) && f.HasWord(string(text)) {
				f.leads[name] = true
			}
		}
	}
	f.Rate()
	return f
}

// HasWord reports whether a text has a word.
func (f *Finder) HasWord(text string) bool { return f.tree.Mark([]byte(text))&worktree.Word != 0 }

// Rate finds the relevant declarations by what is needed now, and reports whether that is more than at the last time.
func (f *Finder) Rate() bool {
	known := 1 + len(f.needed) + len(f.leads)
	if f.known == known {
		return false
	}
	f.known, f.flags, f.relevant = known, map[string]bool{}, map[*declare.Kustomization]bool{}
	for _, d := range f.decl.All {
		in, p := Inputs{Node: d.Node, Folders: d.Folders}, declare.Path(d.Text("spec", "path"))
		if in.Folders == nil { // what builds it may give it another source
			in.Folders = f.decl.Folders(f.decl.Ignore, p, d.Components())
		}
		if f.tree.File(d.File).Marks&worktree.Word != 0 {
			in.Text, _ = yaml.Marshal(d.Node) // it was decoded
		}
		f.relevant[d] = f.All || strings.Contains(p+strings.Join(d.Components(), ""), "$") || d.Missing ||
			d.Text("spec", "sourceRef", "kind") == "ExternalArtifact" || f.rates(in) || len(f.aims(in)) > 0 // that may be made of anything
	}
	for again := true; again; {
		again = false
		for _, d := range f.decl.All {
			if !f.relevant[d] && slices.ContainsFunc(d.Children, func(c *declare.Kustomization) bool { return f.relevant[c] }) {
				f.relevant[d], again = true, true
			}
		}
	}
	return true
}

// Irrelevant is how many declarations were not relevant at the last time.
func (f *Finder) Irrelevant() (n int) {
	for _, relevant := range f.relevant {
		if !relevant {
			n++
		}
	}
	return n
}

// Rates reports whether a Kustomization has to be built, and which files may be left out: those that hold nothing but
// Kustomizations that are not relevant, whatever this one puts into them. The others are rated in turn, with what they
// were given.
func (f *Finder) Rates(in Inputs) (relevant bool, leaveOut func(file string) bool) {
	aims := f.aims(in)
	relevant = f.All || len(aims) > 0 || f.rates(in)
	for _, folder := range in.Folders {
		folder.Files(func(p string) bool {
			relevant = relevant || slices.ContainsFunc(f.decl.In[p], func(d *declare.Kustomization) bool { return f.relevant[d] })
			return !relevant
		})
	}
	aimed, err := regexp.Compile("^(" + strings.Join(aims, "|") + ")$")
	return relevant, func(p string) bool {
		of := f.decl.In[p]
		if err != nil || len(of) == 0 || slices.ContainsFunc(of, func(d *declare.Kustomization) bool {
			return f.relevant[d] || d.Index < 0 || len(aims) > 0 && aimed.MatchString(d.Name)
		}) {
			return false
		}
		docs, err := f.tree.Documents(p)
		return err == nil && len(yamldoc.Objects(docs)) == len(of)
	}
}

// rates reports whether a Kustomization is relevant without those that it builds.
func (f *Finder) rates(in Inputs) bool {
	for _, ref := range yamldoc.Items(yamldoc.Child(in.Node, "spec", "postBuild", "substituteFrom")) {
		if name := yamldoc.Text(ref, "name"); f.leads[name] || strings.Contains(name, "$") && len(f.leads) > 0 {
			return true
		}
	}
	renames := yamldoc.Text(in.Node, "spec", "namePrefix")+yamldoc.Text(in.Node, "spec", "nameSuffix") != "" && len(f.needed) > 0
	return renames || f.HasWord(string(in.Text)) || f.Reads(in.Folders)
}

// aims are the names, as expressions, of what a Kustomization could make relevant: what a patch is for that leads to a word, or
// anything where other files do, or values.
func (f *Finder) aims(in Inputs) (names []string) {
	add := func(leads bool, name string) {
		if leads {
			names = append(names, cmp.Or(name, ".*"))
		}
	}
	add(f.HasWord(in.Values), "")
	for _, p := range yamldoc.Items(yamldoc.Child(in.Node, "spec", "patches")) {
		add(f.isLead(yamldoc.Text(p, "patch")), yamldoc.Text(p, "target", "name"))
	}
	renames := false
	for _, folder := range in.Folders {
		folder.Walk(func(folder *overlay.Folder) bool {
			renames = renames || folder.Renames()
			for _, p := range folder.Patches() {
				add(f.isLead(p.Patch), cmp.Or(p.Target, &kustypes.Selector{}).Name)
			}
			files := folder.Inputs
			if folder.Copies() {
				files = slices.Concat(files, slices.DeleteFunc(slices.Clone(folder.Resources), func(p string) bool { return len(f.decl.In[p]) > 0 }))
			}
			for _, p := range files {
				data, _ := f.tree.Read(p) // what can't be read is flagged
				add(f.isLead(string(data[:min(len(data), 64<<10)])), "")
			}
			return true
		})
	}
	add(renames && len(names) > 0, "")
	return names
}

// aPath matches a path that a patch gives to a Kustomization, which is the value of a field or an item of a list, in
// quotes or in a patch in a patch.
var aPath = regexp.MustCompile(`(?m)(?:\b(?:path|components|value)[\\"']*\s*:|^\s*-|,)[\s\\"'\[-]*((?:[\w.-]*/)+[\w.-]+)`)

// isLead reports whether a text has a word, the name of what has one, or the path of a folder with one.
func (f *Finder) isLead(text string) bool {
	for name := range f.leads {
		if strings.Contains(text, name) {
			return true
		}
	}
	return f.HasWord(text) || slices.ContainsFunc(aPath.FindAllStringSubmatch(text, -1), func(m []string) bool {
		p := path.Clean("/" + m[1]) // of the repository, or of a folder that is not known
		return slices.ContainsFunc(f.dirs[path.Base(p)], func(d string) bool {
			return strings.HasSuffix("/"+d, p) && f.Reads([]*overlay.Folder{f.decl.Reader.Folder(f.decl.Ignore, d)})
		})
	})
}

// Reads reports whether a file of some folders has a word, or what is needed.
func (f *Finder) Reads(folders []*overlay.Folder) bool {
	found := false
	for _, folder := range folders {
		folder.Files(func(p string) bool { found = found || f.flagged(p); return !found })
	}
	return found
}

func (f *Finder) flagged(p string) bool {
	out, known := f.flags[p]
	if !known {
		file := f.tree.File(p)
		out = file.Err != nil || file.Marks&worktree.Word != 0 || f.Produces(p) || file.Marks&worktree.Release != 0 && f.Refers(file) ||
			file.Marks&worktree.Kustomization != 0 && (file.Marks&worktree.Builder != 0 || !yamldoc.IsYAML(p)) // which is not declared in plain sight
		f.flags[p] = out
	}
	return out
}

// Refers reports whether a file may refer to what leads to a word.
func (f *Finder) Refers(file *worktree.File) bool {
	for name := range f.leads {
		if file.Names(name) {
			if data, err := f.tree.Read(file.Path); err != nil || bytes.Contains(data, []byte(name)) {
				return true
			}
		}
	}
	return false
}

// hashed is what kustomize adds to the name of what it generates.
var hashed = regexp.MustCompile(`-[a-z0-9]{10}$`)

// Produces reports whether an object that is needed could come out of a file: one of it has the name, or a generator
// has. Merely to refer to it does not count.
func (f *Finder) Produces(p string) bool {
	file := f.tree.File(p)
	if file.Marks&(worktree.Data|worktree.Source) == 0 {
		return false
	}
	for name := range f.needed {
		base := hashed.ReplaceAllString(name, "")
		if !file.Names(name) && !file.Names(base) {
			continue
		}
		docs, err := f.tree.Documents(p)
		if err != nil || slices.ContainsFunc(yamldoc.Objects(docs), func(d *yaml.Node) bool {
			generators := slices.Concat(yamldoc.Items(yamldoc.Child(d, "configMapGenerator")), yamldoc.Items(yamldoc.Child(d, "secretGenerator")))
			isNamed := func(gen *yaml.Node) bool { return slices.Contains([]string{name, base}, yamldoc.Text(gen, "name")) }
			kind := yamldoc.Text(d, "kind")
			return kind == "ResourceSet" || isNeeded(kind) && yamldoc.Text(d, "metadata", "name") == name || slices.ContainsFunc(generators, isNamed)
		}) {
			return true
		}
	}
	return false
}

func isNeeded(kind string) bool {
	return slices.Contains([]string{"ConfigMap", "Secret", "OCIRepository", "HelmChart", "ResourceSet"}, kind)
}

// Need notes the name of an object that is needed.
func (f *Finder) Need(name string) {
	if name != "" && len(substitute.Unknown(name)) == 0 {
		f.needed[name] = true
	}
}

// Note notes what an object that was built needs, or that it leads to a word.
func (f *Finder) Note(kind, name string, text []byte) {
	isRelease := kind == "HelmRelease"
	switch hasWord := (isRelease || isNeeded(kind)) && f.HasWord(string(text)); {
	case !isRelease && hasWord: // a patch, a generator or a ResourceSet may have made it so
		f.leads[name] = true
	case isRelease:
		docs, _ := yamldoc.Decode(text) // it was built
		for _, d := range docs {
			refs := append(slices.Clip(yamldoc.Items(yamldoc.Child(d, "spec", "valuesFrom"))), yamldoc.Child(d, "spec", "chartRef"))
			if hasWord || slices.ContainsFunc(refs, func(ref *yaml.Node) bool { return f.leads[yamldoc.Text(ref, "name")] }) {
				for _, ref := range refs {
					f.Need(yamldoc.Text(ref, "name"))
				}
			}
		}
	}
}
