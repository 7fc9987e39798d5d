package fluxgraph

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// InFull reports whether what nothing builds is judged like what is built: there is no Kustomization of Flux, an
// artifact may hold it, or the user names it. The skeleton of a template is filled in before anything is built of it.
func (g *Graph) InFull(file string) bool {
	return g.o.Named(file) || !strings.Contains(file, "{{") && !strings.Contains(file, "{%") && (!g.HasFlux() || g.decl.External)
}

// addPlain builds the outermost kustomizations that no Kustomization of Flux reads, where what they make is judged in
// full. One that fails is not a fault: nothing says that anybody builds it.
func (g *Graph) addPlain() {
	for _, f := range g.outermost() {
		full := false
		f.Files(func(p string) bool { full = g.InFull(p); return !full })
		if !full || g.ctx.Err() != nil || !g.finds.All && !g.finds.Reads([]*overlay.Folder{f}) {
			continue
		}
		if n := g.plain(f); n.Err == nil {
			g.Instances = append(g.Instances, n)
		}
	}
}

// plain builds a folder as kustomize does.
func (g *Graph) plain(f *overlay.Folder) *Instance {
	n := &Instance{
		File: f.File, Name: f.Dir, Folders: []*overlay.Folder{f}, Scope: substitute.Loose(g.o.Given), Plain: true, Built: true,
		cluster: f.Dir, key: f.Dir, stirs: true,
	}
	n.Spec.Path, n.Spec.Ignore = f.Dir, g.decl.Ignore
	b := g.cache.Run(overlay.Build{Tree: g.tree, Spec: &n.Spec, Folders: []*overlay.Folder{f}, Full: g.o.All})
	if n.Err = b.Err; n.Err != nil {
		return n
	}
	for _, w := range b.Objects {
		g.addTo(n, w)
	}
	return n
}

// addTo adds an object that a plain kustomization makes, and what a ResourceSet makes in turn. Kustomizations of Flux
// in it lead to other folders, which are looked at by themselves.
func (g *Graph) addTo(n *Instance, w *overlay.Object) {
	o := newObject(n, n.Scope, w)
	n.Objects = append(n.Objects, o)
	if o.Kind == "ResourceSet" && o.Err == nil {
		for _, w := range rendered(o) {
			g.addTo(n, w)
		}
	}
}

// outermost are the kustomizations that neither a Kustomization of Flux nor another kustomization reads. Of those
// that read each other the first counts.
func (g *Graph) outermost() []*overlay.Folder {
	var all []*overlay.Folder
	used := map[*overlay.Folder]bool{}
	for _, dir := range g.tree.DirPaths() {
		name := g.tree.Kustomization(g.tree.Dir(dir), g.decl.Ignore)
		if p := path.Join(dir, name); name == "" || g.decl.Hidden(p) || g.decl.Read[p] {
			continue
		}
		f := g.decl.Reader.Folder(g.decl.Ignore, dir)
		all = append(all, f)
		for _, s := range f.Subs {
			if s != f {
				used[s] = true
			}
		}
	}
	var out []*overlay.Folder
	reached := map[*overlay.Folder]bool{}
	add := func(f *overlay.Folder) {
		if !reached[f] && !f.IsComponent() {
			out = append(out, f)
			f.Walk(func(f *overlay.Folder) bool { reached[f] = true; return true })
		}
	}
	for _, f := range all {
		if !used[f] {
			add(f)
		}
	}
	for _, f := range all { // what is left reads itself by way of others, or is read by a component
		if used[f] && slices.ContainsFunc(f.Subs, func(s *overlay.Folder) bool {
			back := false
			s.Walk(func(s *overlay.Folder) bool { back = back || s == f; return !back })
			return back
		}) {
			add(f)
		}
	}
	return out
}

// addLoose finds the HelmReleases and DaemonSets in files that no build has read.
func (g *Graph) addLoose() {
	done := map[string]bool{}
	for _, n := range g.Instances {
		if n.Built && n.Err == nil {
			n.Files(func(p string) bool { done[p] = true; return true })
		}
	}
	loose := substitute.Loose(g.o.Given)
	for _, p := range g.tree.Paths() {
		if done[p] || !g.mayBeLoose(p) {
			continue
		}
		docs, _ := g.tree.Documents(p) // a fault
		for _, d := range yamldoc.Objects(docs) {
			group, _, _ := strings.Cut(yamldoc.Text(d, "apiVersion"), "/")
			switch kind := yamldoc.Text(d, "kind"); {
			case g.ctx.Err() != nil:
				return
			case g.isLoose(kind, group, p):
				g.addLooseObject(p, d, overlay.NewObject(d))
			case kind == "ResourceSet" && group == declare.OperatorGroup:
				for _, w := range rendered(newObject(nil, loose, overlay.NewObject(d))) {
					if w.Kind == "HelmRelease" {
						g.addLooseObject(p, d, w)
					}
				}
			}
		}
	}
}

// isLoose reports whether an object is one that is judged though no build reads its file.
func (g *Graph) isLoose(kind, group, file string) bool {
	return kind == "HelmRelease" && group == "helm.toolkit.fluxcd.io" || kind == "DaemonSet" && group == "apps" && g.InFull(file)
}

func (g *Graph) addLooseObject(file string, node *yaml.Node, w *overlay.Object) {
	o := newObject(nil, substitute.Loose(g.o.Given), w)
	o.File, o.node = file, node
	g.Loose = append(g.Loose, o)
}

// mayBeLoose reports whether a file may hold what is to be judged though no build reads it.
func (g *Graph) mayBeLoose(p string) bool {
	f := g.tree.File(p)
	if f.Err != nil || f.Marks&(worktree.Release|worktree.DaemonSet) == 0 || !f.IsManifest() || g.decl.HoldsNoRoot(p) && !f.Asked {
		return false
	}
	return g.finds.All || f.Marks&worktree.Word != 0 || g.finds.Refers(f)
}

// isComplete reports whether nothing was left that could not be followed.
func (g *Graph) isComplete() bool {
	if !g.HasFlux() || g.decl.External {
		return false
	}
	return !slices.ContainsFunc(g.Instances, func(n *Instance) bool {
		open := n.Err != nil || n.Problem != "" && !n.Missing || n.Unfollowed
		for _, o := range n.Objects {
			open = open || o.Kind == "ResourceSet" && o.Err != nil
		}
		for _, f := range n.Folders {
			f.Walk(func(f *overlay.Folder) bool {
				open = open || n.Built && slices.ContainsFunc(f.Holes, func(h overlay.Hole) bool { return h.Remote })
				return !open
			})
		}
		return open
	})
}
