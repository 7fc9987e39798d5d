package fluxgraph

import (
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

// InFull reports whether what nothing builds is judged like what is built: there is no Kustomization of Flux, an
// artifact or a Kustomization that can't be followed may hold it, or the user names it. The skeleton of a template is filled in
// before anything is built of it.
func (g *Graph) InFull(file string) bool {
	if g.o.Named(file) {
		return true
	}
	return !strings.Contains(file, "{{") && !strings.Contains(file, "{%") && (len(g.Declared.All) == 0 || g.Declared.External ||
		slices.ContainsFunc(g.Instances, func(n *Instance) bool {
			begin, _, isVariable := strings.Cut(n.Path, "${")
			return n.MayRead && !n.Suspended && (n.Path == "." || isVariable && strings.HasPrefix(file, begin) ||
				strings.Contains("/"+file, "/"+n.Path+"/")) // the root of an artifact may be any folder
		}))
}

// addPlain builds the outermost kustomizations that no Kustomization of Flux reads, where what they make is judged in
// full.
func (g *Graph) addPlain() {
	for _, f := range g.Declared.Outermost() {
		if slices.ContainsFunc(overlay.Files(overlay.All(f)...), g.InFull) {
			g.plain(f)
		}
	}
	g.register()
}

// plain builds a folder as kustomize does. One that fails is not a fault: nothing says that anybody builds it.
// Kustomizations of Flux in it lead to other folders, which are looked at by themselves.
func (g *Graph) plain(f *overlay.Folder) {
	n := &Instance{
		Kustomization: &declare.Kustomization{File: f.File, Name: f.Dir, Folders: overlay.All(f)},
		Self:          &Object{}, Scope: substitute.Loose(g.Given), Plain: true, key: f.Dir, cluster: "plain " + f.Dir,
	}
	n.Spec.Path, n.Spec.Ignore = f.Dir, g.Declared.Ignore
	g.build(n)
	if n.Built && n.Err == nil {
		g.Instances = append(g.Instances, n)
	}
}

// addLoose finds the HelmReleases and DaemonSets in files that no build has read, those that ResourceSets there make, and what
// fails.
func (g *Graph) addLoose() {
	built := map[string]bool{}
	for _, n := range g.Instances {
		for _, p := range n.Files() {
			built[p] = built[p] || n.Built && n.Err == nil
		}
	}
	for _, p := range g.Tree.Paths() {
		if g.ctx.Err() != nil || built[p] || !g.mayBeLoose(g.Tree.File(p)) {
			continue
		}
		for _, o := range g.standing(p) {
			if o.Kind == "HelmRelease" && strings.HasPrefix(o.APIVersion, "helm.toolkit.fluxcd.io/") ||
				o.Kind == "DaemonSet" && strings.HasPrefix(o.APIVersion, "apps/") && g.InFull(p) || o.Err != nil {
				g.Loose = append(g.Loose, o)
			}
		}
	}
}

// mayBeLoose reports whether a file may hold what is to be judged though no build reads it.
func (g *Graph) mayBeLoose(f *worktree.File) bool {
	return f.Err == nil && f.Marks&(worktree.Release|worktree.DaemonSet|worktree.Word) != 0 && f.IsManifest() &&
		(f.Asked || !g.Declared.Hidden(f.Path)) && (g.Finder.All || f.Marks&worktree.Word != 0 || g.Finder.Refers(f.Path))
}

// isComplete reports whether nothing was left that could not be followed.
func (g *Graph) isComplete() bool {
	isRemote := func(h overlay.Hole) bool { return h.Remote }
	return len(g.Declared.All) > 0 && !g.Declared.External && !slices.ContainsFunc(g.Instances, func(n *Instance) bool {
		return !n.Plain && (n.Err != nil || n.Problem != "" && !n.Missing ||
			slices.ContainsFunc(n.Objects, func(o *Object) bool { return o.Kind == "ResourceSet" && o.Err != nil }) ||
			n.Built && slices.ContainsFunc(n.Folders, func(f *overlay.Folder) bool { return slices.ContainsFunc(f.Holes, isRemote) }))
	})
}
