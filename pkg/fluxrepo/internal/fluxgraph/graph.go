package fluxgraph

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/relevance"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

const (
	maxInstances = 20000 // Kustomizations, counted once for each chain
	maxDepth     = 32    // of a chain
	maxRounds    = 10    // until the variables of one come out of another, and so on
)

// Options say what is built.
type Options struct {
	Ignore []string // globs of what is not looked at unless something builds it
	Given  *substitute.Given
	All    bool // build what nothing of Spegel can come of, too
	// Alone says that the files are all there is: no repository is around them, so no Kustomization can be built.
	Alone bool
	// Named reports whether the user names a file, or its folder.
	Named func(file string) bool
}

// Graph is what the clusters of a repository build.
type Graph struct {
	// Instances are the Kustomizations in the chains that build them, in the order of a walk from the roots; then
	// the plain kustomizations that were built though no Kustomization of Flux does.
	Instances []*Instance
	// Loose are the HelmReleases in files that nothing builds, if they may be of Spegel, and the DaemonSets that are judged there.
	Loose []*Object
	// Complete says that all that the clusters run is known, except what nobody keeps in a repository.
	Complete bool

	ctx   context.Context //nolint:containedctx // a graph lives for one check, and every step of it may be cancelled
	o     Options
	tree  *worktree.Tree
	decl  *declare.Repository
	cache *overlay.Cache
	finds *relevance.Finder

	frozen bool                   // this graph differs by an edit, and builds what the first one does
	stays  map[string][]*Instance // of such a graph: what is not built again, by the key of the first of a chain
	looked bool                   // a round has looked for objects in the one before it
	stray  bool                   // it took one that nothing builds, because not all was known
	index  map[objectKey][]*Object
	sorted map[*worktree.File]map[[2]string][]*yaml.Node // objects by kind and name
	print  uint64                                        // of all that was built in the last round
}

type objectKey struct{ cluster, kind, name string }

// New finds what the clusters of a repository build.
func New(ctx context.Context, tree *worktree.Tree, o Options) *Graph {
	g := &Graph{
		ctx: ctx, o: o, tree: tree, decl: declare.New(tree, o.Ignore, o.Alone), cache: overlay.NewCache(nil),
		sorted: map[*worktree.File]map[[2]string][]*yaml.Node{},
	}
	given := slices.Collect(maps.Values(o.Given.Vars))
	for _, s := range o.Given.Sources {
		given = slices.AppendSeq(given, maps.Values(s.Data))
	}
	g.finds = relevance.New(tree, g.decl, o.All, given)
	g.settle()
	g.addPlain()
	g.addLoose()
	return g
}

// settle builds in rounds: each finds objects in what the one before it has built.
func (g *Graph) settle() {
	again := true
	for range maxRounds {
		needsMore := !g.frozen && g.needsMore()
		if g.ctx.Err() != nil || !again && !needsMore {
			return
		}
		g.o.Given = substitute.NewGiven(g.o.Given.Vars, g.o.Given.Sources)
		g.looked, g.stray = false, false
		r := &round{Graph: g}
		r.expand()
		before := g.print
		g.Instances = r.instances
		g.index, g.print = indexed(r.instances)
		again = g.looked && g.print != before
		if complete := g.isComplete(); complete != g.Complete {
			g.Complete, again = complete, again || g.stray
		}
	}
}

// needsMore notes what the last round has shown to be needed, and reports whether that is more than before.
func (g *Graph) needsMore() bool {
	known := g.finds.Known()
	for _, n := range g.Instances {
		if n.Built && n.Spec.PostBuild != nil {
			for _, ref := range n.Spec.PostBuild.SubstituteFrom {
				g.finds.Need(ref.Name)
			}
		}
		for _, o := range n.Objects {
			g.finds.Note(o.Kind, o.Name, o.Text)
		}
	}
	return g.finds.Rate(known)
}

// Given is what was handed over, and what was made of it.
func (g *Graph) Given() *substitute.Given { return g.o.Given }

// Tree is the files.
func (g *Graph) Tree() *worktree.Tree { return g.tree }

// HasFlux reports whether any Kustomization of Flux stands in the repository.
func (g *Graph) HasFlux() bool { return len(g.decl.All) > 0 }

// Artifact reports whether a source that something in a file names is this repository, and what it leaves out of its
// artifact. folder is what is taken from it.
func (g *Graph) Artifact(kind, ns, name, file, folder string) (ignore *worktree.Ignore, own bool) {
	ref := declare.SourceRef{Kind: kind, Namespace: ns, Name: name, Near: file}
	if g.o.Alone || g.tree.Dir(folder) == nil {
		return nil, false
	}
	return g.decl.IgnoreOf(ref), g.decl.IsOurs(ref, folder)
}

// seed is the same for all graphs of a process, so that they can be compared.
var seed = maphash.MakeSeed()

func indexed(instances []*Instance) (objects map[objectKey][]*Object, sum uint64) {
	index := map[objectKey][]*Object{}
	var h maphash.Hash
	h.SetSeed(seed)
	for _, n := range instances {
		_, _ = h.WriteString(n.key) // never fails
		for _, o := range n.Objects {
			_, _ = h.Write(o.Text)
			key := objectKey{n.cluster, o.Kind, o.Name}
			index[key] = append(index[key], o)
		}
	}
	return index, h.Sum64()
}

// Edited is the same repository with other contents of some files, as far as they have a say in an object, and in
// others that it needs. It finds the object again, or returns nil.
func (g *Graph) Edited(edits map[string][]byte, o *Object, needs ...*Object) (*Graph, *Object) {
	e := *g
	e.tree = g.tree.With(edits)
	e.decl = g.decl.With(e.tree)
	e.cache = overlay.NewCache(g.cache)
	e.frozen = true
	switch n := o.By; {
	case n == nil: // only the file that it stands in has a say
	case n.Plain:
		again := e.plain(e.decl.Reader.Folder(e.decl.Ignore, n.Spec.Path))
		e.Instances = append(slices.Clone(g.Instances), again)
		return &e, again.find(o)
	default:
		e.stays = g.except(g.makers(append(needs, o)...))
		e.settle()
		for _, m := range e.Instances {
			if m.key == n.key {
				return &e, m.find(o)
			}
		}
	}
	return &e, nil
}

// except are all instances but some, by the key of the one whose parent is not among them.
func (g *Graph) except(some []*Instance) map[string][]*Instance {
	out := map[string][]*Instance{}
	top := map[*Instance]*Instance{}
	for _, n := range g.Instances {
		switch {
		case slices.Contains(some, n):
			continue
		case top[n.Parent] != nil:
			top[n] = top[n.Parent]
		default:
			top[n] = n
		}
		out[top[n].key] = append(out[top[n].key], n)
	}
	return out
}

// find is an object of the same kind and name, or nil.
func (n *Instance) find(o *Object) *Object {
	for _, other := range n.Objects {
		if other.Kind == o.Kind && other.Name == o.Name && other.Namespace == o.Namespace {
			return other
		}
	}
	return nil
}
