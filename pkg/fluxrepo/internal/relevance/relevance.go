package relevance

import (
	"bytes"
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

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
	g := &Finder{tree: tree, decl: decl, dirs: map[string][]string{}, needed: map[string]bool{}, leads: map[string]bool{}}
	g.All = all || slices.ContainsFunc(given, g.HasWord)
	for _, d := range g.tree.DirPaths() {
		g.dirs[path.Base(d)] = append(g.dirs[path.Base(d)], d)
	}
	for _, p := range g.tree.Paths() {
		f := g.tree.File(p)
		if f.Marks&worktree.Word == 0 || f.Marks&(worktree.Data|worktree.Source) == 0 || !f.IsManifest() {
			continue
		}
		docs, _ := g.tree.Documents(p) // reported where the file is needed
		for _, d := range yamldoc.Objects(docs) {
			name := yamldoc.Text(d, "metadata", "name")
			if text, err := yaml.Marshal(d); err == nil && name != "" && !strings.Contains(name, "$") && isNeeded(yamldoc.Text(d, "kind")) && g.HasWord(string(text)) {
				g.leads[name] = true
			}
		}
	}
	g.Rate()
	return g
}

// HasWord reports whether a text has a word.
func (g *Finder) HasWord(text string) bool { return g.tree.Mark([]byte(text))&worktree.Word != 0 }

// Rate finds the relevant declarations by what is needed now, and reports whether that is more than at the last time.
func (g *Finder) Rate() bool {
	known := 1 + len(g.needed) + len(g.leads)
	if g.known == known {
		return false
	}
	g.known, g.flags, g.relevant = known, map[string]bool{}, map[*declare.Kustomization]bool{}
	for _, d := range g.decl.All {
		in, p := Inputs{Node: d.Node, Folders: d.Folders}, declare.Path(d.Text("spec", "path"))
		if in.Folders == nil && p != "." { // what builds it may give it another source
			in.Folders = g.decl.Folders(g.decl.Ignore, p, d.Components())
		}
		if g.tree.File(d.File).Marks&worktree.Word != 0 {
			in.Text, _ = yaml.Marshal(d.Node) // it was decoded
		}
		g.relevant[d] = g.All || strings.Contains(p+strings.Join(d.Components(), ""), "$") || d.Missing || in.Folders != nil && g.rates(in)
	}
	for again := true; again; {
		again = false
		for _, d := range g.decl.All {
			if !g.relevant[d] && slices.ContainsFunc(d.Children, func(c *declare.Kustomization) bool { return g.relevant[c] }) {
				g.relevant[d], again = true, true
			}
		}
	}
	return true
}

// Rates reports whether a Kustomization has to be built, and which files may be left out: those that hold nothing but
// Kustomizations that are not relevant, whatever this one puts into them. The others are rated in turn, with what they
// were given.
func (g *Finder) Rates(in Inputs) (relevant bool, leaveOut func(file string) bool) {
	names := g.aims(in)
	if g.HasWord(in.Values) {
		names = append(names, anyName)
	}
	relevant = g.All || len(names) > 0 || g.rates(in)
	for _, f := range in.Folders {
		f.Files(func(p string) bool {
			relevant = relevant || slices.ContainsFunc(g.decl.In[p], func(d *declare.Kustomization) bool { return g.relevant[d] })
			return !relevant
		})
	}
	aimed, err := regexp.Compile("^(" + strings.Join(names, "|") + ")$")
	return relevant, func(p string) bool {
		of := g.decl.In[p]
		if err != nil || len(of) == 0 || slices.ContainsFunc(of, func(d *declare.Kustomization) bool {
			return g.relevant[d] || d.Index < 0 || len(names) > 0 && aimed.MatchString(d.Name)
		}) {
			return false
		}
		docs, err := g.tree.Documents(p)
		return err == nil && len(yamldoc.Objects(docs)) == len(of)
	}
}

// rates reports whether a Kustomization is relevant without those that it builds.
func (g *Finder) rates(in Inputs) bool {
	for _, ref := range yamldoc.Items(yamldoc.Child(in.Node, "spec", "postBuild", "substituteFrom")) {
		if name := yamldoc.Text(ref, "name"); g.leads[name] || strings.Contains(name, "$") && len(g.leads) > 0 {
			return true
		}
	}
	return g.HasWord(string(in.Text)) || g.Reads(in.Folders) || g.renames(in.Node) || len(g.aims(in)) > 0
}

// anyName matches every name.
const anyName = ".*"

// aims are the names, as expressions, of what the patches of a Kustomization, or what they are made of, could make
// relevant: a patch says which objects it is for, and leads to a word.
func (g *Finder) aims(in Inputs) (names []string) {
	add := func(text, name string, paths *regexp.Regexp) {
		if g.isLead(text, paths) {
			names = append(names, cmp.Or(name, anyName))
		}
	}
	for _, p := range yamldoc.Items(yamldoc.Child(in.Node, "spec", "patches")) {
		add(yamldoc.Text(p, "patch"), yamldoc.Text(p, "target", "name"), aPath)
	}
	for _, f := range in.Folders {
		f.Walk(func(f *overlay.Folder) bool {
			files, paths := f.Inputs, aPath
			if f.Copies() {
				files, paths = slices.Concat(f.Inputs, f.Resources), anywhere
			}
			for _, p := range f.Patches() {
				add(p.Patch, overlay.Aim(p), paths)
			}
			for _, p := range files {
				if slices.Contains(f.Inputs, p) || g.tree.File(p).Marks&(worktree.Kustomization|worktree.Builder) == 0 {
					data, _ := g.tree.Read(p) // what can't be read is flagged
					add(string(data[:min(len(data), 64<<10)]), "", paths)
				}
			}
			return true
		})
	}
	if len(names) > 0 && slices.ContainsFunc(in.Folders, (*overlay.Folder).Renames) {
		names = append(names, anyName)
	}
	return names
}

// isLead reports whether a text has a word, the name of what has one, or the path of a folder with one.
func (g *Finder) isLead(text string, paths *regexp.Regexp) bool {
	for name := range g.leads {
		if strings.Contains(text, name) {
			return true
		}
	}
	return g.HasWord(text) || slices.ContainsFunc(paths.FindAllStringSubmatch(text, -1), func(m []string) bool { return g.isRelevantFolder(m[1]) })
}

// aPath matches a path that a patch gives to a Kustomization, which is the value of a field or an item of a list, in
// quotes or in a patch in a patch; anywhere matches whatever could be copied.
var (
	aPath    = regexp.MustCompile(`(?m)(?:\b(?:path|components|value)[\\"']*\s*:|^\s*-|,)[\s\\"'\[-]*((?:[\w.-]*/)+[\w.-]+)`)
	anywhere = regexp.MustCompile(`((?:[\w.-]*/)+[\w.-]+)`)
)

func (g *Finder) isRelevantFolder(p string) bool {
	p = path.Clean("/" + p) // of the repository, or of a folder that is not known
	return slices.ContainsFunc(g.dirs[path.Base(p)], func(d string) bool {
		return strings.HasSuffix("/"+d, p) && g.Reads([]*overlay.Folder{g.decl.Reader.Folder(g.decl.Ignore, d)})
	})
}

// renames reports whether a Kustomization could give an object a name that is needed by what it puts before and after.
func (g *Finder) renames(ks *yaml.Node) bool {
	prefix, suffix := yamldoc.Text(ks, "spec", "namePrefix"), yamldoc.Text(ks, "spec", "nameSuffix")
	for name := range g.needed {
		if prefix+suffix != "" && strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// Reads reports whether a file of some folders has a word, or what is needed.
func (g *Finder) Reads(folders []*overlay.Folder) bool {
	found := false
	for _, f := range folders {
		f.Files(func(p string) bool { found = found || g.flagged(p); return !found })
	}
	return found
}

func (g *Finder) flagged(p string) bool {
	out, known := g.flags[p]
	if !known {
		f := g.tree.File(p)
		out = f.Err != nil || f.Marks&worktree.Word != 0 || g.Produces(p) || f.Marks&worktree.Release != 0 && g.Refers(f) ||
			f.Marks&worktree.Kustomization != 0 && (f.Marks&worktree.Builder != 0 || !yamldoc.IsYAML(p)) // which is not declared in plain sight
		g.flags[p] = out
	}
	return out
}

// Refers reports whether a file may refer to what leads to a word.
func (g *Finder) Refers(f *worktree.File) bool {
	for name := range g.leads {
		if f.Names(name) {
			if data, err := g.tree.Read(f.Path); err != nil || bytes.Contains(data, []byte(name)) {
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
func (g *Finder) Produces(p string) bool {
	f := g.tree.File(p)
	if f.Marks&(worktree.Data|worktree.Source) == 0 {
		return false
	}
	for name := range g.needed {
		base := hashed.ReplaceAllString(name, "")
		if !f.Names(name) && !f.Names(base) {
			continue
		}
		docs, err := g.tree.Documents(p)
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
func (g *Finder) Need(name string) {
	if name != "" && len(substitute.Unknown(name)) == 0 {
		g.needed[name] = true
	}
}

// Note notes what an object that was built needs, or that it leads to a word.
func (g *Finder) Note(kind, name string, text []byte) {
	isRelease := kind == "HelmRelease"
	switch hasWord := (isRelease || isNeeded(kind)) && g.HasWord(string(text)); {
	case !isRelease && hasWord: // a patch, a generator or a ResourceSet may have made it so
		g.leads[name] = true
	case isRelease:
		docs, _ := yamldoc.Decode(text) // it was built
		for _, d := range docs {
			refs := append(slices.Clip(yamldoc.Items(yamldoc.Child(d, "spec", "valuesFrom"))), yamldoc.Child(d, "spec", "chartRef"))
			if hasWord || slices.ContainsFunc(refs, func(ref *yaml.Node) bool { return g.leads[yamldoc.Text(ref, "name")] }) {
				for _, ref := range refs {
					g.Need(yamldoc.Text(ref, "name"))
				}
			}
		}
	}
}
