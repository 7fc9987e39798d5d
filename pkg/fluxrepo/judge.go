package fluxrepo

import (
	"context"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// subject is a HelmRelease that was judged, as one chain builds it.
type subject struct {
	*check
	graph   *fluxgraph.Graph // it was built in
	object  *fluxgraph.Object
	hr      *helmv2.HelmRelease
	release *release.Release // nil for another chart
	result  release.Result
	problem error // why it can't be judged

	shaky []string // unknown variables that decide more than a value
	chart []string // those that keep the chart from being known
	read  []*fluxgraph.Object

	named map[release.Reference]string // the variable that a reference is unknown for
}

// judge runs the rules over a HelmRelease. What shows nothing of Spegel is left out.
func (c *check) judge(ctx context.Context, o *fluxgraph.Object) []*subject {
	s := c.evaluate(ctx, c.graph, o)
	if s.release == nil && s.problem == nil && len(s.chart) == 0 {
		return nil
	}
	return []*subject{s}
}

func (c *check) evaluate(ctx context.Context, g *fluxgraph.Graph, o *fluxgraph.Object) *subject {
	s := &subject{check: c, graph: g, object: o, read: []*fluxgraph.Object{o}, named: map[release.Reference]string{}}
	hr, err := c.decodeRelease(substitute.Seal(o.Text))
	if err != nil {
		s.problem = err
		return s
	}
	s.hr, s.shaky, s.chart = hr.HelmRelease, hr.shaky, hr.chart
	if s.hr.Spec.Chart == nil && s.hr.Spec.ChartRef == nil {
		s.chart = nil // a patch
		return s
	}
	s.release = release.Resolve(ctx, s.hr, release.Options{
		Charts: c.Charts, Create: !g.Complete || o.By == nil || o.By.Plain, Reader: &reader{subject: s},
		Variables: s.variables, ChartValues: c.chartValues(ctx, s),
	})
	if s.release == nil {
		return s
	}
	s.result = s.release.Evaluate(c.Policy)
	if s.isShaky() {
		s.result.Findings = nil
	}
	return s
}

// isShaky reports whether anything but a value is unknown, so that no finding is certain.
func (s *subject) isShaky() bool {
	slices.Sort(s.shaky)
	s.shaky = slices.Compact(s.shaky)
	return len(s.shaky) > 0 || len(s.remoteShapers()) > 0
}

// why is the reference that a variable is unknown for.
func (s *subject) why(name string) release.Reference {
	ref := release.Reference{Kind: "Variable", Name: name, Reason: substitute.NoValue(name)}
	i := slices.IndexFunc(s.read, func(o *fluxgraph.Object) bool {
		return slices.Contains(substitute.Unknown(string(substitute.Seal(o.Text))), name)
	})
	switch {
	case i >= 0 && name == substitute.Sealed:
		o := s.read[i]
		ref = release.Reference{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Key: "spec", Reason: substitute.SealedReason}
	case i >= 0 && s.read[i].By != nil:
		r := s.read[i].By.Scope.Why(name)
		ref = release.Reference{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Key: r.Key, Reason: r.Text}
	}
	if _, known := s.named[ref]; !known {
		s.named[ref] = name
	}
	return ref
}

// variables lists why a text of the values is not known; none if it is.
func (s *subject) variables(text string) (out []release.Reference) {
	for _, name := range substitute.Unknown(text) {
		out = append(out, s.why(name))
	}
	return out
}
