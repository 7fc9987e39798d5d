package fluxrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/locate"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
)

// Check looks for releases of Spegel in each path and judges them. An error is one of the call, such as a path that
// does not exist; what can't be checked in a repository is in the Result.
func Check(ctx context.Context, o Options) (*Result, error) {
	if len(o.Paths) == 0 {
		return nil, errors.New("no path to check")
	}
	if len(o.Charts) == 0 {
		o.Charts = []string{"spegel"}
	}
	for _, glob := range o.Ignore {
		if _, err := path.Match(glob, ""); err != nil {
			return nil, fmt.Errorf("ignore %q: %w", glob, err)
		}
	}
	inputs, err := o.inputs(ctx)
	if err != nil {
		return nil, err
	}
	res := &Result{used: map[string]bool{}, stood: map[int]bool{}}
	for _, in := range inputs {
		if err := o.check(ctx, in, res); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(res.Releases, compareReleases)
	slices.SortStableFunc(res.Errors, compareErrors)
	res.Errors = slices.CompactFunc(res.Errors, func(a, b Error) bool { return a.Place == b.Place && a.Message == b.Message })
	return res, nil
}

// check is one repository: read, relate and build, judge, locate, report.
func (o Options) check(ctx context.Context, in *input, res *Result) error {
	tree, err := in.open(ctx, o)
	if err != nil {
		return err
	}
	graph := fluxgraph.New(ctx, tree, fluxgraph.Options{
		Ignore: o.Ignore, Given: substitute.NewGiven(o.Vars, o.Sources), All: o.All, Alone: in.root == "" || in.lone, Named: in.names,
	})
	c := &check{o, in, graph, locate.New(graph), nil}
	var judged []*subject
	for _, object := range c.releases() {
		if err := ctx.Err(); err != nil {
			return err
		}
		judged = append(judged, c.judge(ctx, object)...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var releases []Release
	var of []*subject
	for _, s := range judged {
		rel := c.report(s)
		if s.release != nil && c.covers(ctx, s, rel) {
			releases, of = append(releases, *rel), append(of, s)
		}
	}
	releases, errs := c.daemonSets(ctx, releases, of)
	res.Releases = append(res.Releases, releases...)
	res.Errors = slices.Concat(res.Errors, c.errors(ctx, judged), errs)
	res.Files += tree.Count()
	maps.Copy(res.used, graph.Given().Used)
	maps.Copy(res.stood, graph.Given().Stood)
	res.trees = append(res.trees, tree)
	return ctx.Err()
}

// check is a repository that is checked.
type check struct {
	Options
	in     *input
	graph  *fluxgraph.Graph
	finder *locate.Finder
	blank  map[string][]byte // the files that are asked for, with nothing in them
}

// releases are the HelmReleases that are built, and those that nothing builds.
func (c *check) releases() (out []*fluxgraph.Object) {
	for _, n := range c.graph.Instances {
		for _, o := range n.Objects {
			if o.Kind == "HelmRelease" && o.Err == nil && strings.HasPrefix(o.APIVersion, "helm.toolkit.fluxcd.io/") {
				out = append(out, o)
			}
		}
	}
	for _, o := range c.graph.Loose {
		if o.Kind == "HelmRelease" {
			out = append(out, o)
		}
	}
	return out
}

func compareReleases(a, b Release) int {
	return cmp.Or(
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind),
		slices.Compare(a.From, b.From), comparePlaces(a.Place, b.Place),
	)
}

func compareErrors(a, b Error) int {
	rank := func(e Error) int { // of two about the same, the one that counts
		switch {
		case e.Fatal:
			return 0
		case e.Elsewhere:
			return 2
		}
		return 1
	}
	return cmp.Or(comparePlaces(a.Place, b.Place), strings.Compare(a.Message, b.Message), cmp.Compare(rank(a), rank(b)))
}

func comparePlaces(a, b Place) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}
