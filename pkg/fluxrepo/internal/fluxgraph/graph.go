package fluxgraph

import (
	"context"
	"hash/maphash"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/relevance"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/resourceset"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
)

const (
	maxInstances = 20000 // Kustomizations
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
	// Instances are the Kustomizations in chains that build them, the roots first, one for each spec that an object of a
	// cluster has; then the plain kustomizations that were built though no Kustomization of Flux does.
	Instances []*Instance
	// Loose are the objects in files that nothing builds: HelmReleases, if they may be of Spegel, DaemonSets that are judged there,
	// and ResourceSets that fail.
	Loose []*Object
	// Complete says that all that the clusters run is known, except what nobody keeps in a repository.
	Complete bool
	Declared *declare.Repository
	Finder   *relevance.Finder // of what has to be built
	Tree     *worktree.Tree
	Given    *substitute.Given // what was handed over, and what was made of it

	ctx   context.Context //nolint:containedctx // a graph lives for one check, and every step of it may be cancelled
	o     Options
	cache *overlay.Cache
	sets  *resourceset.Renderer

	followed map[string]bool // in this round, by what makes an instance one of its own

	only  map[string]bool // of a graph that differs by an edit: what is built again, by the keys of the chains; nil for all
	index map[objectKey][]*Object
	print uint64                       // of what a round may find in the index
	files map[*worktree.File][]*Object // as if nothing built them; those that were looked at in this round
}

type objectKey struct{ kind, name string }

// New finds what the clusters of a repository build.
func New(ctx context.Context, tree *worktree.Tree, o Options) *Graph {
	g := &Graph{
		ctx: ctx, o: o, Tree: tree, Given: o.Given, Declared: declare.New(tree, o.Ignore, o.Alone), cache: overlay.NewCache(),
		sets: resourceset.New(ctx),
	}
	g.Finder = relevance.New(tree, g.Declared, o.All, o.Given.Values())
	g.register()
	g.settle(nil)
	g.addPlain()
	g.addLoose()
	return g
}

// settle builds in rounds, each of which looks for objects in what the one before it has built, until a round brings
// nothing new. What is kept is not built again.
func (g *Graph) settle(kept []*Instance) {
	for range maxRounds {
		before := g.print
		g.Given, g.files = substitute.NewGiven(g.Given.Vars, g.Given.Sources), map[*worktree.File][]*Object{}
		g.Instances, g.followed = slices.Clone(kept), map[string]bool{}
		for _, d := range g.Declared.Roots {
			g.addRoot(d)
		}
		for i := len(kept); i < len(g.Instances); i++ { // short chains come before long ones
			g.follow(i)
		}
		g.register()
		again := g.only == nil && g.Finder.Rate()
		if g.ctx.Err() != nil || !again && g.print == before {
			return
		}
	}
}

// seed is the same for all graphs of a process, so that they can be compared.
var seed = maphash.MakeSeed()

// register makes what was built, and what it shows to be needed, known to the next round.
func (g *Graph) register() {
	g.index, g.Complete = map[objectKey][]*Object{}, g.isComplete()
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, g.Complete)
	for _, n := range g.Instances {
		for _, o := range n.Objects {
			if o.Kind == "ConfigMap" || o.Kind == "Secret" { // it may hold variables
				_, _ = h.WriteString(n.key) // never fails
				_, _ = h.Write(o.Text)
			}
			if g.only == nil {
				g.Finder.Note(&o.Object)
			}
			key := objectKey{o.Kind, o.Name}
			g.index[key] = append(g.index[key], o)
		}
	}
	g.print = h.Sum64()
}
