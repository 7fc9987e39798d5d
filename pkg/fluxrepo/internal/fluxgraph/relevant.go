package fluxgraph

import (
	"bytes"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// relevance is what has to be built: a Kustomization is relevant if an input of it has a word of the prefilter, or
// can produce an object that is needed. It is a search in bytes, and knows nothing of kustomize but inputs and names.
type relevance struct {
	needed    map[string]bool // names that a release, or the variables of a relevant Kustomization, ask for
	leads     map[string]bool // names of sources, ConfigMaps and Secrets with a word
	relevants map[*declare.Kustomization]bool
	flags     map[string]bool     // whether a file has a word, or what is needed, or refers to what leads to a word
	loud      bool                // what is handed over has a word
	aimed     map[string]bool     // names of Kustomizations that a patch is for which leads on
	heard     map[string]bool     // whether a patch leads on
	dirs      map[string][]string // all folders, by their last name
}

// prepare finds the names that lead to words.
func (g *Graph) prepare() {
	g.relevance = relevance{dirs: map[string][]string{}, needed: map[string]bool{}, leads: map[string]bool{}}
	for _, d := range g.tree.DirPaths() {
		g.dirs[path.Base(d)] = append(g.dirs[path.Base(d)], d)
	}
	given := slices.Collect(maps.Values(g.o.Given.Vars))
	for _, s := range g.o.Given.Sources {
		given = slices.AppendSeq(given, maps.Values(s.Data))
	}
	g.loud = g.o.All || slices.ContainsFunc(given, g.hasWord)
	for _, p := range g.tree.Paths() {
		f := g.tree.File(p)
		if f.Marks&worktree.Word == 0 || f.Marks&(worktree.Data|worktree.Source) == 0 || !f.IsManifest() {
			continue
		}
		docs, _ := g.tree.Documents(p) // reported where the file is needed
		for _, d := range yamldoc.Objects(docs) {
			name := yamldoc.Text(d, "metadata", "name")
			if text, err := yaml.Marshal(d); err == nil && name != "" && !strings.Contains(name, "$") && isNeeded(yamldoc.Text(d, "kind")) && g.hasWord(string(text)) {
				g.leads[name] = true
			}
		}
	}
}

func (g *Graph) hasWord(text string) bool { return g.tree.Mark([]byte(text))&worktree.Word != 0 }

// rate finds the relevant declarations by what the last round has shown to be needed. It reports whether more is
// needed than before.
func (g *Graph) rate() bool {
	before := len(g.needed) + len(g.leads)
	for _, n := range g.Instances {
		if n.Built {
			g.need(n)
		}
	}
	if g.flags != nil && len(g.needed)+len(g.leads) == before {
		return false
	}
	g.flags, g.heard, g.aimed, g.relevants = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[*declare.Kustomization]bool{}
	for _, d := range g.decl.All {
		g.relevants[d] = g.loud || strings.Contains(d.Text("spec", "path"), "$") || d.Missing || d.Folders != nil && g.rates(d)
	}
	for again := true; again; {
		again = false
		for _, d := range g.decl.All {
			if !g.relevants[d] && (g.isAimedAt(d) || slices.ContainsFunc(d.Children, func(c *declare.Kustomization) bool { return g.relevants[c] })) {
				g.relevants[d], again = true, true
			}
		}
	}
	return true
}

// rates reports whether a declaration is relevant without those that it builds.
func (g *Graph) rates(d *declare.Kustomization) bool {
	if g.tree.File(d.File).Marks&worktree.Word != 0 {
		if text, err := yaml.Marshal(d.Node); err != nil || g.hasWord(string(text)) {
			return true
		}
	}
	for _, ref := range yamldoc.Items(yamldoc.Child(d.Node, "spec", "postBuild", "substituteFrom")) {
		if name := yamldoc.Text(ref, "name"); g.leads[name] || strings.Contains(name, "$") && len(g.leads) > 0 {
			return true
		}
	}
	return g.reads(d.Folders) || g.renames(d.Node) || g.stirs(d.Node, d.Folders)
}

// renames reports whether a Kustomization could give an object a name that is needed by what it puts before and after.
func (g *Graph) renames(ks *yaml.Node) bool {
	prefix, suffix := yamldoc.Text(ks, "spec", "namePrefix"), yamldoc.Text(ks, "spec", "nameSuffix")
	for name := range g.needed {
		if prefix+suffix != "" && strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// reads reports whether a file of some folders has a word, or what is needed.
func (g *Graph) reads(folders []*overlay.Folder) bool {
	found := false
	for _, f := range folders {
		f.Files(func(p string) bool { found = found || g.flagged(p); return !found })
	}
	return found
}

func (g *Graph) flagged(p string) bool {
	out, known := g.flags[p]
	if !known {
		f := g.tree.File(p)
		out = f.Err != nil || f.Marks&(worktree.Word|worktree.TooLarge) != 0 || g.produces(p) || f.Marks&worktree.Release != 0 && g.refers(f) ||
			f.Marks&worktree.Kustomization != 0 && !yamldoc.IsYAML(p) // which is not declared in plain sight
		g.flags[p] = out
	}
	return out
}

// refers reports whether a file may refer to what leads to a word.
func (g *Graph) refers(f *worktree.File) bool {
	for name := range g.leads {
		if !f.Names(name) {
			continue
		}
		if data, err := g.tree.Read(f.Path); err != nil || bytes.Contains(data, []byte(name)) {
			return true
		}
	}
	return false
}

// hashed is what kustomize adds to the name of what it generates.
var hashed = regexp.MustCompile(`-[a-z0-9]{10}$`)

// produces reports whether an object that is needed could come out of a file: one of it has the name, or a generator
// has. Merely to refer to it does not count.
func (g *Graph) produces(p string) bool {
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
			return yamldoc.Text(d, "metadata", "name") == name && isNeeded(yamldoc.Text(d, "kind")) || slices.ContainsFunc(generators, func(gen *yaml.Node) bool {
				have := yamldoc.Text(gen, "name")
				return have == name || have == base
			})
		}) {
			return true
		}
	}
	return false
}

func isNeeded(kind string) bool {
	return slices.Contains([]string{"ConfigMap", "Secret", "OCIRepository", "HelmChart", "ResourceSet"}, kind)
}

// need notes the names that what an instance builds asks for.
func (g *Graph) need(n *Instance) {
	note := func(name string) {
		if name != "" && len(substitute.Unknown(name)) == 0 {
			g.needed[name] = true
		}
	}
	if n.Spec.PostBuild != nil {
		for _, ref := range n.Spec.PostBuild.SubstituteFrom {
			note(ref.Name)
		}
	}
	for _, o := range n.Objects {
		switch o.Kind {
		case "OCIRepository", "HelmChart": // a patch may have made it one of Spegel
			if !g.leads[o.Name] && g.hasWord(string(o.Text)) {
				g.leads[o.Name] = true
			}
		case "HelmRelease":
			var in struct {
				Spec struct {
					ChartRef   struct{ Name string } `json:"chartRef"`
					ValuesFrom []struct{ Name string }
				}
			}
			if sigsyaml.Unmarshal(o.Text, &in) != nil || !g.hasWord(string(o.Text)) && !g.leads[in.Spec.ChartRef.Name] &&
				!slices.ContainsFunc(in.Spec.ValuesFrom, func(v struct{ Name string }) bool { return g.leads[v.Name] }) {
				continue
			}
			note(in.Spec.ChartRef.Name)
			for _, v := range in.Spec.ValuesFrom {
				note(v.Name)
			}
		}
	}
}

// relevant reports whether an instance has to be built.
func (g *Graph) relevant(n *Instance) bool {
	if n.stirs = n.Parent != nil && n.Parent.stirs || g.loud || g.stirs(n.node, n.Folders) || g.hasWord(n.Scope.Values()); n.stirs {
		return true
	}
	found := g.hasWord(string(n.text)) || g.reads(n.Folders) || g.renames(n.node)
	n.Files(func(p string) bool {
		found = found || slices.ContainsFunc(g.decl.In[p], func(d *declare.Kustomization) bool { return g.relevants[d] })
		return !found
	})
	return found
}

// leftOut reports whether a file holds nothing but Kustomizations that are not relevant.
func (g *Graph) leftOut(n *Instance, p string) bool {
	in := g.decl.In[p]
	if n.stirs || len(in) == 0 || slices.ContainsFunc(in, func(d *declare.Kustomization) bool { return g.relevants[d] || g.isAimedAt(d) || d.Index < 0 }) {
		return false
	}
	docs, err := g.tree.Documents(p)
	return err == nil && len(docs) == len(in)
}
