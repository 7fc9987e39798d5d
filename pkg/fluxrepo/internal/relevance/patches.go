package relevance

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// aFolder matches what could be a path of the repository.
var aFolder = regexp.MustCompile(`[\w.-]+(/[\w.-]+)+`)

// aName matches the name of a single Kustomization in the target of a patch, where an expression may stand.
var aName = regexp.MustCompile(`^[\w-]+$`)

// stirs reports whether the patches of a Kustomization could make anything of the Kustomizations that it builds: they
// have a word, the name of what has one, or lead to a folder with one. A patch that names the one it is for says so of
// that one alone.
func (g *Finder) stirs(ks *yaml.Node, folders []*overlay.Folder) bool {
	var texts []string
	leads := false
	add := func(text, name string) {
		if !aName.MatchString(name) {
			texts = append(texts, text)
		} else if g.hears(text) {
			g.aimed[name] = true
		}
	}
	for _, p := range yamldoc.Items(yamldoc.Child(ks, "spec", "patches")) {
		add(yamldoc.Text(p, "patch"), yamldoc.Text(p, "target", "name"))
	}
	for _, f := range folders {
		f.Walk(func(f *overlay.Folder) bool {
			for _, p := range f.Patches() {
				name := ""
				if p.Target != nil {
					name = p.Target.Name
				}
				add(p.Patch, name)
			}
			for _, p := range slices.Concat(f.Inputs, f.Resources) {
				built := g.tree.File(p).Marks&(worktree.Kustomization|worktree.Builder) != 0
				leads = leads || built
				if slices.Contains(f.Inputs, p) || f.Copies() && !built {
					data, _ := g.tree.Read(p) // what can't be read is flagged
					texts = append(texts, string(data[:min(len(data), 64<<10)]))
				}
			}
			return true
		})
	}
	return leads && slices.ContainsFunc(texts, g.hears)
}

// isAimedAt reports whether such a patch names a declaration.
func (g *Finder) isAimedAt(d *declare.Kustomization) bool {
	for name := range g.aimed { // it may get a prefix or suffix, or variables
		if strings.Contains(name, d.Name) || strings.Contains(d.Name, "$") {
			return true
		}
	}
	return false
}

// hears is leadsOn, asked once for each text.
func (g *Finder) hears(text string) bool {
	out, known := g.heard[text]
	if !known {
		out = g.leadsOn(text)
		g.heard[text] = out
	}
	return out
}

// leadsOn reports whether a text has a word, the name of what has one, or the path of a folder that has.
func (g *Finder) leadsOn(text string) bool {
	if g.HasWord(text) {
		return true
	}
	for name := range g.leads {
		if strings.Contains(text, name) {
			return true
		}
	}
	return slices.ContainsFunc(aFolder.FindAllString(text, -1), func(p string) bool {
		p = path.Clean("/" + p) // of the repository, or of a folder that is not known
		return slices.ContainsFunc(g.dirs[path.Base(p)], func(d string) bool {
			return strings.HasSuffix("/"+d, p) && g.Reads([]*overlay.Folder{g.decl.Reader.Folder(g.decl.Ignore, d)})
		})
	})
}
