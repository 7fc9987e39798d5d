package relevance

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Finder finds what has to be built: a Kustomization is relevant if an input of it has a word of the prefilter or the name of
// what has one, or can produce an object that is needed. It knows nothing of kustomize except inputs, names and patches.
type Finder struct {
	// All says that everything is relevant: it was asked for, or what is handed over has a word.
	All bool
	// Irrelevant is how many declarations were not relevant at the last time.
	Irrelevant int

	tree     *worktree.Tree
	decl     *declare.Repository
	needed   map[string]bool // names that a release, or the variables of a relevant Kustomization, ask for
	leads    map[string]bool // names of sources, ConfigMaps and Secrets with a word
	rated    int             // how many names there were when it was last asked what is relevant; -1 before
	relevant map[*declare.Kustomization]bool
	flags    map[string]bool // whether a file has a word, or what is needed, refers to what leads to a word, or holds what is relevant
}

// New finds the names that lead to words. given are the texts that are handed over.
func New(tree *worktree.Tree, decl *declare.Repository, all bool, given []string) *Finder {
	f := &Finder{tree: tree, decl: decl, needed: map[string]bool{}, leads: map[string]bool{}, rated: -1}
	f.All = all || slices.ContainsFunc(given, f.HasWord)
	for _, p := range tree.Paths() {
		file := tree.File(p)
		if file.Marks&worktree.Word == 0 || file.Marks&(worktree.Data|worktree.Source) == 0 || !file.IsManifest() {
			continue
		}
		docs, _ := tree.Documents(p) // reported where the file is needed
		for _, d := range docs {
			for name, object := range made(d) {
				if name != "" && !strings.Contains(name, "$") && f.HasWord(string(overlay.NewObject(object).Text)) {
					f.leads[name] = true
				}
			}
		}
	}
	f.Rate()
	return f
}

// HasWord reports whether a text has a word.
func (f *Finder) HasWord(text string) bool { return f.tree.Mark([]byte(text))&worktree.Word != 0 }

// Rate finds the relevant declarations by what is needed, and reports whether that is more than at the last time.
func (f *Finder) Rate() (more bool) {
	for f.rated != len(f.needed)+len(f.leads) { // what is relevant may need more
		more, f.rated = true, len(f.needed)+len(f.leads)
		f.flags, f.relevant = map[string]bool{}, map[*declare.Kustomization]bool{}
		f.mark(f.isRelevant)
		for f.mark(f.readsFlagged) { // what was found may stand in what others read
		}
		f.Irrelevant = len(f.decl.All) - len(f.relevant)
	}
	return more
}

// mark notes the declarations that are relevant for a reason, and reports whether there were any more.
func (f *Finder) mark(is func(*declare.Kustomization) bool) (more bool) {
	for _, d := range f.decl.All {
		if !f.relevant[d] && is(d) {
			more, f.relevant[d], f.flags[d.File] = true, true, true
		}
	}
	return more
}

// isRelevant reports whether a declaration may have to be built. What builds it may give one that can't be followed another source.
func (f *Finder) isRelevant(d *declare.Kustomization) bool {
	found, _ := f.Rates(d, "", "")
	return found || f.flagged(d.File) || d.Problem != "" || strings.Contains(strings.Join(d.Components(), ""), "$")
}

// Rates reports whether a Kustomization has to be built, and which files may be left out: those that hold nothing but
// Kustomizations that are not relevant, and that it could not make so. text is that of the Kustomization, values those of its
// variables.
func (f *Finder) Rates(k *declare.Kustomization, text, values string) (relevant bool, leaveOut func(file string) bool) {
	targets := f.targets(k, values)
	renames := len(f.needed) > 0 && (yamldoc.Child(k.Node, "spec", "namePrefix") != nil || yamldoc.Child(k.Node, "spec", "nameSuffix") != nil)
	relevant = f.All || len(targets) > 0 || renames || f.leadsToWord(text) || f.readsFlagged(k)
	for _, ref := range yamldoc.Items(yamldoc.Child(k.Node, "spec", "postBuild", "substituteFrom")) {
		if relevant {
			f.need(yamldoc.Text(ref, "name"))
		}
	}
	isTarget, err := regexp.Compile("^(" + strings.Join(targets, "|") + ")$")
	return relevant, func(p string) bool {
		in := f.decl.In[p]
		if err != nil || len(in) == 0 || f.flags[p] || slices.ContainsFunc(in, func(d *declare.Kustomization) bool { return isTarget.MatchString(d.Name) }) {
			return false
		}
		docs, err := f.tree.Documents(p)
		return err == nil && len(docs) == len(in)
	}
}

// targets are the names, as expressions, of those that a Kustomization could make relevant by what it puts into them: the values of
// its variables, patches, or what a replacement copies.
func (f *Finder) targets(k *declare.Kustomization, values string) (names []string) {
	holds := slices.ContainsFunc(k.Files(), func(p string) bool { return len(f.decl.In[p]) > 0 })
	put := func(text, name string) {
		if f.leadsToWord(text) || holds && aPath.MatchString(text) {
			names = append(names, cmp.Or(name, ".*"))
		}
	}
	put(values, "")
	for _, p := range yamldoc.Items(yamldoc.Child(k.Node, "spec", "patches")) {
		put(yamldoc.Text(p, "patch"), yamldoc.Text(p, "target", "name"))
	}
	for _, folder := range k.Folders {
		for _, p := range folder.Patches() {
			text := p.Patch
			if file, ok := worktree.Resolve(folder.Dir, p.Path); ok && p.Path != "" {
				text = f.text(file)
			}
			put(text, cmp.Or(p.Target, &kustypes.Selector{}).Name)
		}
		if holds && folder.Copies() && slices.ContainsFunc(overlay.Files(folder), func(p string) bool { return aField.MatchString(f.text(p)) }) {
			names = append(names, ".*")
		}
	}
	if len(names) > 0 && slices.ContainsFunc(k.Folders, (*overlay.Folder).Renames) {
		return []string{".*"}
	}
	return names
}

// aField matches the fields of a Kustomization that lead to another folder, as an operation or a replacement names them, and aPath
// also how a patch sets them.
var (
	aField = regexp.MustCompile(`\bspec[./](path|components)\b`)
	aPath  = regexp.MustCompile(aField.String() + `|\bcomponents["'\\]*\s*:|\bpath["'\\]*\s*:\s*["'\\]*[^/\s"'\\]`)
)

// text is the content of a file; what can't be read is flagged.
func (f *Finder) text(p string) string {
	data, _ := f.tree.Read(p)
	return string(data)
}

// leadsToWord reports whether a text has a word, or the name of what has one.
func (f *Finder) leadsToWord(text string) bool {
	return f.HasWord(text) || standIn([]byte(text), f.leads)
}

func standIn(text []byte, names map[string]bool) bool {
	for name := range names {
		if worktree.Names(text, name) {
			return true
		}
	}
	return false
}

func (f *Finder) readsFlagged(k *declare.Kustomization) bool {
	return slices.ContainsFunc(k.Files(), f.flagged)
}

func (f *Finder) flagged(p string) bool {
	out, known := f.flags[p]
	if !known {
		file := f.tree.File(p)
		out = file.Err != nil || f.decl.Reader.IsBroken(p) || file.Marks&worktree.Word != 0 || f.Produces(p) ||
			file.Marks&(worktree.Release|worktree.Kustomization) != 0 && f.Refers(p) ||
			file.Marks&worktree.Kustomization != 0 && (file.Marks&worktree.Builder != 0 || !yamldoc.IsYAML(p)) // which is not declared in plain sight
		f.flags[p] = out
	}
	return out
}

// Refers reports whether a file may refer to what leads to a word.
func (f *Finder) Refers(p string) bool { return f.holds(p, f.leads) }

// holds reports whether one of some names may stand in a file.
func (f *Finder) holds(p string, names map[string]bool) bool {
	data, err := f.tree.Read(p)
	return err != nil || standIn(data, names)
}

// Produces reports whether an object that is needed could come out of a file: one of it has the name, or a generator
// has. Merely to refer to it does not count.
func (f *Finder) Produces(p string) bool {
	if f.tree.File(p).Marks&(worktree.Data|worktree.Source) == 0 || !f.holds(p, f.needed) {
		return false
	}
	docs, err := f.tree.Documents(p)
	return err != nil || slices.ContainsFunc(docs, func(d *yaml.Node) bool {
		for name := range made(d) {
			if f.needed[name] {
				return true
			}
		}
		return yamldoc.Text(d, "kind") == "ResourceSet"
	})
}

// made are the objects that could come out of a document and are of a kind that is needed, and what generates one, by name.
func made(d *yaml.Node) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	if isNeeded(yamldoc.Text(d, "kind")) {
		out[yamldoc.Text(d, "metadata", "name")] = d
	}
	for _, field := range []string{"configMapGenerator", "secretGenerator"} {
		for _, g := range yamldoc.Items(yamldoc.Child(d, field)) {
			out[yamldoc.Text(g, "name")] = g
		}
	}
	return out
}

func isNeeded(kind string) bool {
	return slices.Contains([]string{"ConfigMap", "Secret", "OCIRepository", "HelmChart", "ResourceSet"}, kind)
}

// hashed is what kustomize adds to the name of what it generates.
var hashed = regexp.MustCompile(`-[a-z0-9]{10}$`)

// need notes the name of an object that is needed.
func (f *Finder) need(name string) {
	if name != "" {
		f.needed[name], f.needed[hashed.ReplaceAllString(name, "")] = true, true
	}
}

// Note notes what an object needs, or that it leads to a word.
func (f *Finder) Note(o *overlay.Object) {
	switch text := string(o.Text); {
	case isNeeded(o.Kind) && f.HasWord(text): // a patch, a generator or a ResourceSet may have made it so
		f.leads[o.Name] = true
	case o.Kind == "HelmRelease" && f.leadsToWord(text):
		docs, _ := yamldoc.Decode(o.Text) // it was built
		for _, d := range docs {
			f.need(yamldoc.Text(d, "spec", "chartRef", "name"))
			for _, ref := range yamldoc.Items(yamldoc.Child(d, "spec", "valuesFrom")) {
				f.need(yamldoc.Text(ref, "name"))
			}
		}
	}
}
