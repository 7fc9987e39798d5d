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

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// relevance is what has to be built: a Kustomization is relevant if an input of it has a word of the prefilter, or
// can produce an object that is needed. It is a search in bytes, and knows nothing of kustomize but inputs and names.
type relevance struct {
	needed   map[string]bool // names that a release, or the variables of a relevant Kustomization, ask for
	leads    map[string]bool // names of sources, ConfigMaps and Secrets with a word
	settings map[string]bool // names of ConfigMaps and Secrets with a word, which may be variables
	flags    map[string]bool // whether a file has a word or a needed name
	loud     bool            // what is handed over has a word
	dirs     []string        // all folders
}

// prepare finds the names that lead to words.
func (g *Graph) prepare() {
	g.relevance = relevance{dirs: g.tree.DirPaths(), needed: map[string]bool{}, leads: map[string]bool{}, settings: map[string]bool{}}
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
			g.prepareObject(d)
		}
	}
	maps.DeleteFunc(g.leads, func(_ string, yes bool) bool { return !yes })
	maps.DeleteFunc(g.settings, func(_ string, yes bool) bool { return !yes })
}

// prepareObject notes the name of an object that leads to words.
func (g *Graph) prepareObject(d *yaml.Node) {
	kind, name := yamldoc.Text(d, "kind"), yamldoc.Text(d, "metadata", "name")
	isData := kind == "ConfigMap" || kind == "Secret"
	if name == "" || strings.Contains(name, "$") || !isData && kind != "OCIRepository" && kind != "HelmChart" {
		return
	}
	if text, err := yaml.Marshal(d); err == nil {
		m := g.tree.Mark(text)
		g.settings[name] = g.settings[name] || isData && m&worktree.Word != 0
		g.leads[name] = g.leads[name] || isData && m&worktree.Spegel != 0 || !isData && m&worktree.Word != 0
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
	g.flags = map[string]bool{}
	for _, d := range g.declarations {
		d.relevant = g.loud || strings.Contains(d.text("spec", "path"), "$") || d.missing || d.ours && g.rates(d)
	}
	for again := true; again; {
		again = false
		for _, d := range g.declarations {
			if !d.relevant && slices.ContainsFunc(d.children, func(c *declaration) bool { return c.relevant }) {
				d.relevant, again = true, true
			}
		}
	}
	return true
}

// rates reports whether a declaration is relevant without those that it builds.
func (g *Graph) rates(d *declaration) bool {
	if g.tree.File(d.file).Marks&worktree.Word != 0 {
		if text, err := yaml.Marshal(d.node); err != nil || g.hasWord(string(text)) {
			return true
		}
	}
	var patches []string
	for _, p := range yamldoc.Items(yamldoc.Child(d.node, "spec", "patches")) {
		patches = append(patches, yamldoc.Text(p, "patch"))
	}
	for _, ref := range yamldoc.Items(yamldoc.Child(d.node, "spec", "postBuild", "substituteFrom")) {
		if name := yamldoc.Text(ref, "name"); g.settings[name] || strings.Contains(name, "$") && len(g.settings) > 0 {
			return true
		}
	}
	return g.reads(d.folders, d.text("spec", "namePrefix"), d.text("spec", "nameSuffix")) || g.stirs(d.folders, patches)
}

// reads reports whether a file of some folders has a word, or a name that is needed.
func (g *Graph) reads(folders []*overlay.Folder, prefix, suffix string) bool {
	found := false
	for _, f := range folders {
		f.Files(func(p string) bool {
			found = found || g.flagged(p) || prefix+suffix != "" && g.produces(p, prefix, suffix) || g.opaqueFile(p)
			return !found
		})
	}
	return found
}

func (g *Graph) flagged(p string) bool {
	out, known := g.flags[p]
	if !known {
		f := g.tree.File(p)
		out = f.Err != nil || f.Marks&(worktree.Word|worktree.TooLarge) != 0 || g.produces(p, "", "") ||
			f.Marks&worktree.Release != 0 && g.refers(f)
		g.flags[p] = out
	}
	return out
}

// opaqueFile reports whether Kustomizations may come out of a file that are not declared there in plain sight.
func (g *Graph) opaqueFile(p string) bool {
	f := g.tree.File(p)
	return f.Marks&worktree.Kustomization != 0 && !yamldoc.IsYAML(p)
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

// produces reports whether an object that is needed could come out of a file.
func (g *Graph) produces(p, prefix, suffix string) bool {
	f := g.tree.File(p)
	if f.Marks&(worktree.Data|worktree.Source) == 0 {
		return false
	}
	for name := range g.needed {
		short, before := strings.CutPrefix(name, prefix)
		short, after := strings.CutSuffix(short, suffix)
		base := hashed.ReplaceAllString(short, "")
		if before && after && (f.Names(short) || f.Names(base)) && g.holds(p, short, base) {
			return true
		}
	}
	return false
}

// holds reports whether an object of a file has a name, or a generator of one has; merely to refer to it does not
// count.
func (g *Graph) holds(p, name, base string) bool {
	docs, err := g.tree.Documents(p)
	return err != nil || slices.ContainsFunc(yamldoc.Objects(docs), func(d *yaml.Node) bool {
		for _, field := range []string{"configMapGenerator", "secretGenerator"} {
			if slices.ContainsFunc(yamldoc.Items(yamldoc.Child(d, field)), func(gen *yaml.Node) bool {
				have := yamldoc.Text(gen, "name")
				return have == name || have == base
			}) {
				return true
			}
		}
		have := yamldoc.Text(d, "metadata", "name")
		return have == name && isNeeded(yamldoc.Text(d, "kind"))
	})
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
			continue
		case "HelmRelease":
		default:
			continue
		}
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

// aFolder matches what could be a path of the repository.
var aFolder = regexp.MustCompile(`[\w.-]+(/[\w.-]+)+`)

// stirs reports whether the patches of a build could make anything of what it builds: they have a word, the name of
// what has one, or lead a Kustomization to a folder with one.
func (g *Graph) stirs(folders []*overlay.Folder, patches []string) bool {
	leads := false
	for _, f := range folders {
		f.Files(func(p string) bool {
			leads = leads || g.tree.File(p).Marks&(worktree.Kustomization|worktree.Builder) != 0
			return !leads
		})
	}
	if !leads {
		return false // what is built leads nowhere
	}
	for _, f := range folders {
		f.Walk(func(f *overlay.Folder) bool {
			patches = append(patches, f.Patches()...)
			files := f.Inputs
			if f.Copies() {
				files = slices.Concat(files, slices.DeleteFunc(slices.Clone(f.Resources), func(p string) bool {
					return g.tree.File(p).Marks&worktree.Kustomization != 0
				}))
			}
			for _, p := range files {
				if data, err := g.tree.Read(p); err == nil && len(data) <= 64<<10 {
					patches = append(patches, string(data))
				}
			}
			return true
		})
	}
	return slices.ContainsFunc(patches, func(text string) bool {
		if g.hasWord(text) {
			return true
		}
		for name := range g.settings {
			if strings.Contains(text, name) {
				return true
			}
		}
		return slices.ContainsFunc(aFolder.FindAllString(text, -1), func(p string) bool {
			dir := path.Clean("/" + p) // of the repository, or of a folder that is not known
			return dir != "/" && slices.ContainsFunc(g.dirs, func(d string) bool {
				return strings.HasSuffix("/"+d, dir) && g.reads([]*overlay.Folder{g.reader.Folder(g.ignore, d)}, "", "")
			})
		})
	})
}

// relevant reports whether an instance has to be built.
func (g *Graph) relevant(n *Instance) bool {
	var patches []string
	for _, p := range n.Spec.Patches {
		patches = append(patches, p.Patch)
	}
	if n.stirs = n.Parent != nil && n.Parent.stirs || g.loud || g.stirs(n.Folders, patches) || g.hasWord(n.Scope.Values()); n.stirs {
		return true
	}
	if g.hasWord(string(n.text)) || g.reads(n.Folders, n.Spec.NamePrefix, n.Spec.NameSuffix) {
		return true
	}
	found := false
	n.Files(func(p string) bool {
		found = found || slices.ContainsFunc(g.declaredIn[p], func(d *declaration) bool { return d.relevant })
		return !found
	})
	return found
}

// leftOut reports whether a file holds nothing but Kustomizations that are not relevant.
func (g *Graph) leftOut(n *Instance, p string) bool {
	in := g.declaredIn[p]
	if n.stirs || len(in) == 0 || slices.ContainsFunc(in, func(d *declaration) bool { return d.relevant || d.index < 0 }) {
		return false
	}
	docs, err := g.tree.Documents(p)
	return err == nil && len(docs) == len(in)
}
