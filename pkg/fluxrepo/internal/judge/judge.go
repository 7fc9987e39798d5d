// Package judge runs the rules over what a repository builds.
//
// In comes a graph that is finished; out go the HelmReleases of Spegel, and the DaemonSets that run it, with what the
// rules find and what is not known of them. A variable without a value makes unknown what it stands in, and does no harm
// in a field that nobody reads. The package must never build anything nor say where it stands. Of the project it may
// import fluxgraph, pkg/release and pkg/daemonset, and what these do.
package judge

import (
	"context"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Judge judges what one graph has built.
type Judge struct {
	Graph  *fluxgraph.Graph
	Charts []string // names, or full URLs, taken for Spegel's
	Policy validate.Policy

	Wrong []*fluxgraph.Object // what was found that can't be judged, or not be read, with the reason
}

// Release is a HelmRelease that was judged, as one chain builds it.
type Release struct {
	*release.Release // nil where it is not one of Spegel as far as can be seen
	release.Result   // objects that could not be read in the order that they are named in, then variables

	Object      *fluxgraph.Object
	HelmRelease helmv2.HelmRelease
	Read        []*fluxgraph.Object // itself, and what it takes its chart and its values from
	Opaque      []string            // the variables that keep its chart from being known

	shaky   []string                     // the variables that decide more than a value
	holders map[string]*fluxgraph.Object // in which unknown variables stand
}

// Releases judges the HelmReleases that are built, and those that nothing builds. What shows nothing of Spegel is left out.
func (j *Judge) Releases(ctx context.Context) (out []*Release) {
	for _, o := range j.objects("HelmRelease", "helm.toolkit.fluxcd.io/") {
		if ctx.Err() != nil {
			break
		}
		if r := j.Release(ctx, o); r.Release != nil || len(r.Opaque) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// objects are those of a kind that are built, and those that are judged though nothing builds them.
func (j *Judge) objects(kind, group string) (all []*fluxgraph.Object) {
	for _, n := range j.Graph.Instances {
		all = append(all, n.Objects...)
	}
	return slices.DeleteFunc(append(all, j.Graph.Loose...), func(o *fluxgraph.Object) bool {
		return o.Kind != kind || o.Err != nil || !strings.HasPrefix(o.APIVersion, group)
	})
}

// isWrong notes why an object can't be judged, or not be read.
func (j *Judge) isWrong(o *fluxgraph.Object, err error) {
	wrong := *o
	wrong.Err = err
	j.Wrong = append(j.Wrong, &wrong)
}

// Release runs the rules over a HelmRelease.
func (j *Judge) Release(ctx context.Context, o *fluxgraph.Object) *Release {
	r := &Release{Object: o, holders: map[string]*fluxgraph.Object{}}
	r.read(o)
	if err := r.decode(j.Charts); err != nil {
		j.isWrong(o, err)
		return &Release{Object: o}
	}
	hr := &r.HelmRelease
	if hr.Spec.Chart == nil && hr.Spec.ChartRef == nil {
		return &Release{Object: o} // a patch
	}
	reads := &reader{Judge: j, of: r}
	r.Release = release.Resolve(ctx, hr, release.Options{
		Charts: j.Charts, Create: !j.Graph.Complete || o.By == nil || o.By.Plain, Reader: reads,
		Variables: r.variables, ChartValues: reads.chartValues,
	})
	unsure := r.Opaque
	if r.Release != nil {
		r.Result, unsure = r.Evaluate(j.Policy), r.shaky
		if len(r.shaky) > 0 || len(r.Shapers()) > 0 {
			r.Findings = nil // none is certain
		}
	}
	for _, name := range unsure {
		if ref := why(name, r.holders[name]); !slices.Contains(r.Unresolved, ref) {
			r.Unresolved = append(r.Unresolved, ref)
		}
	}
	return r
}
