package fluxrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/judge"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/locate"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/selection"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
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
	scan := worktree.Options{Words: o.Charts, Workers: o.Workers}
	selections, err := selection.Of(ctx, o.Paths, scan)
	if err != nil {
		return nil, err
	}
	res := &Result{}
	for _, in := range selections {
		tree, err := in.Read(ctx, o.Stdin, scan)
		if err != nil {
			return nil, err
		}
		o.check(ctx, in, tree, res)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	slices.SortStableFunc(res.Releases, compareReleases)
	slices.SortStableFunc(res.Errors, compareErrors)
	res.Errors = slices.CompactFunc(res.Errors, func(a, b Error) bool { return a.Place == b.Place && a.Message == b.Message })
	return res, nil
}

// check is one repository: relate and build, judge, locate, report.
func (o Options) check(ctx context.Context, in *selection.Selection, tree *worktree.Tree, res *Result) {
	graph := fluxgraph.New(ctx, tree, fluxgraph.Options{
		Ignore: o.Ignore, Given: substitute.NewGiven(o.Vars, o.Sources), All: o.All, Alone: in.Alone, Named: in.Names,
	})
	judged := &judge.Judge{Graph: graph, Charts: o.Charts, Policy: o.Policy}
	c := &check{in: in, Judge: judged, finder: locate.New(graph), secrets: redact.New(graph, o.Charts)}
	c.report(ctx, judged.Releases(ctx), judged.DaemonSets(ctx))
	for i := range c.errors {
		c.errors[i].Place.File = in.Show(c.errors[i].Place.File)
	}
	res.Releases, res.Errors = append(res.Releases, c.releases...), append(res.Errors, c.errors...)
	res.Files += tree.Count()
	res.Unbuilt += graph.Finder.Irrelevant
	res.given = append(res.given, graph.Given)
}

func compareReleases(a, b Release) int {
	return cmp.Or(
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind),
		slices.Compare(a.From, b.From), comparePlaces(a.Place, b.Place),
	)
}

// compareErrors puts the one that counts first of two that are about the same.
func compareErrors(a, b Error) int {
	rank := func(e Error) string { return fmt.Sprint(!e.Fatal, e.Elsewhere) }
	return cmp.Or(comparePlaces(a.Place, b.Place), strings.Compare(a.Message, b.Message), strings.Compare(rank(a), rank(b)))
}

func comparePlaces(a, b Place) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}
