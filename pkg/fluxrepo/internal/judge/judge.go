package judge

import (
	"cmp"
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
}

// Release is a HelmRelease that was judged, as one chain builds it.
type Release struct {
	*release.Release // nil where it is not one of Spegel as far as can be seen

	Object      *fluxgraph.Object
	HelmRelease helmv2.HelmRelease
	Read        []*fluxgraph.Object // itself, and what it takes its chart and its values from
	Result      release.Result
	Err         error    // why it can't be judged
	Opaque      []string // the variables that keep its chart from being known

	shaky []string                     // the variables that decide more than a value
	named map[release.Reference]string // the variable that a reference is unknown for
}

// Releases judges the HelmReleases that are built, and those that nothing builds. What shows nothing of Spegel is left out.
func (j *Judge) Releases(ctx context.Context) (out []*Release) {
	for _, o := range j.objects("HelmRelease", "helm.toolkit.fluxcd.io/") {
		if ctx.Err() != nil {
			break
		}
		if r := j.Release(ctx, o); r.Release != nil || r.Err != nil || len(r.Opaque) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// objects are those of a kind that are built, and those that are judged though nothing builds them.
func (j *Judge) objects(kind, group string) (out []*fluxgraph.Object) {
	add := func(objects []*fluxgraph.Object) {
		for _, o := range objects {
			if o.Kind == kind && o.Err == nil && strings.HasPrefix(o.APIVersion, group) {
				out = append(out, o)
			}
		}
	}
	for _, n := range j.Graph.Instances {
		add(n.Objects)
	}
	add(j.Graph.Loose)
	return out
}

// Release runs the rules over a HelmRelease.
func (j *Judge) Release(ctx context.Context, o *fluxgraph.Object) *Release {
	r := &Release{Object: o, Read: []*fluxgraph.Object{o}, named: map[release.Reference]string{}}
	if r.Err = r.decode(j.Charts); r.Err != nil {
		return r
	}
	hr := &r.HelmRelease
	if hr.Spec.Chart == nil && hr.Spec.ChartRef == nil {
		r.Opaque = nil // a patch
		return r
	}
	r.Release = release.Resolve(ctx, hr, release.Options{
		Charts: j.Charts, Create: !j.Graph.Complete || o.By == nil || o.By.Plain, Reader: &reader{Judge: j, of: r},
		Variables: r.variables, ChartValues: j.chartValues(hr, o),
	})
	if r.Release == nil {
		return r
	}
	r.Result = r.Evaluate(j.Policy)
	if r.shaky = slices.Compact(slices.Sorted(slices.Values(r.shaky))); len(r.shaky) > 0 || len(r.Shapers()) > 0 {
		r.Result.Findings = nil // none is certain
	}
	return r
}

// Unresolved is what could not be read: objects in the order that they are named in, then variables, with those that
// decide more than a value.
func (r *Release) Unresolved() (out []release.Reference) {
	var variables []release.Reference
	for _, ref := range r.Result.Unresolved {
		if r.Variable(ref) != "" {
			variables = append(variables, ref)
		} else {
			out = append(out, ref)
		}
	}
	for _, name := range r.shaky {
		variables = append(variables, r.Why(name))
	}
	slices.SortFunc(variables, func(a, b release.Reference) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	return append(out, slices.Compact(variables)...)
}
