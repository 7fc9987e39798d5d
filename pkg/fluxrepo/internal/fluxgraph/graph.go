package fluxgraph

import (
	"context"
	"crypto/sha256"
	"fmt"
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

	only        map[string]bool // of a graph that differs by an edit: what is built again, by the keys of the chains; nil for all
	index       map[objectKey][]*Object
	fingerprint [sha256.Size]byte            // of what a round may find in the index
	files       map[*worktree.File][]*Object // as if nothing built them; those that were looked at in this round
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
		before := g.fingerprint
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
		if g.ctx.Err() != nil || !again && g.fingerprint == before {
			return
		}
	}
}

// register makes what was built, and what it shows to be needed, known to the next round.
func (g *Graph) register() {
	g.index, g.Complete = map[objectKey][]*Object{}, g.isComplete()
	h := sha256.New()
	fmt.Fprint(h, g.Complete)
	for _, n := range g.Instances {
		for _, o := range n.Objects {
			if o.Kind == "ConfigMap" || o.Kind == "Secret" { // it may hold variables
				h.Write([]byte(n.key))
				h.Write(o.Text)
			}
			if g.only == nil {
				g.Finder.Note(&o.Object)
			}
			key := objectKey{o.Kind, o.Name}
			g.index[key] = append(g.index[key], o)
		}
	}
	g.fingerprint = [sha256.Size]byte(h.Sum(nil))
}

// Work is how much was built so far, for this graph and those that differ from it by an edit.
func (g *Graph) Work() int { return g.cache.Work }

// Edited is the same repository with other contents of some files, as far as they have a say in an object, and in
// others that it needs. It finds the object again, or returns nil.
func (g *Graph) Edited(edits map[string][]byte, o *Object, needs ...*Object) (*Graph, *Object) {
	e := *g
	e.Tree = g.Tree.With(edits)
	e.Declared, e.only = g.Declared.With(e.Tree), map[string]bool{}
	switch {
	case o.By == nil: // only the file that it stands in has a say
		return &e, nil
	case o.By.Plain:
		e.Instances = nil
		e.plain(e.Declared.Reader.Folder(e.Declared.Ignore, o.By.Spec.Path))
		e.register()
	default:
		for _, n := range g.makers(append(needs, o)...) {
			e.only[n.key] = true
		}
		e.settle(slices.DeleteFunc(slices.Clone(g.Instances), func(n *Instance) bool { return e.only[n.key] }))
	}
	for _, n := range e.Instances {
		if n.key == o.By.key {
			if found := again(o, slices.Index(o.By.Objects, o), n.Objects); found != nil {
				return &e, found
			}
		}
	}
	return &e, nil
}

// makers are the instances that have a say in some objects: those that emit them, what builds these, and what their
// variables come from.
func (g *Graph) makers(objects ...*Object) (out []*Instance) {
	for i := 0; i < len(objects); i++ { // more are added on the way
		for n := objects[i].By; n != nil; n = n.Parent {
			if !slices.ContainsFunc(out, func(m *Instance) bool { return m.key == n.key }) {
				out, objects = append(out, n), append(objects, n.variables...)
			}
		}
	}
	return out
}

// Inputs are the files that a release, and an object that it takes values from, are made of, the nearest first: what its
// build reads, what builds that, and where the variables of all these come from.
func (g *Graph) Inputs(release, holder *Object) (out []string) {
	seen := map[string]bool{}
	for _, n := range g.makers(holder, release) {
		files := append(n.Files(), n.File)
		for _, o := range n.variables {
			files = append(files, o.File)
		}
		for _, p := range files {
			if !seen[p] && g.Tree.File(p) != nil {
				seen[p], out = true, append(out, p)
			}
		}
	}
	return out
}
