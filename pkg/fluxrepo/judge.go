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

	reasons  map[string]release.Reference // why variables are unknown, as far as read was searched
	named    map[release.Reference]string // and back
	searched int
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
	s := &subject{check: c, graph: g, object: o, read: []*fluxgraph.Object{o}, reasons: map[string]release.Reference{}, named: map[release.Reference]string{}}
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
	for ; s.searched < len(s.read); s.searched++ {
		o := s.read[s.searched]
		for _, name := range substitute.Unknown(string(substitute.Seal(o.Text))) {
			if _, known := s.reasons[name]; !known {
				s.note(name, reasonIn(o, name))
			}
		}
	}
	if _, known := s.reasons[name]; !known {
		s.note(name, reasonIn(nil, name))
	}
	return s.reasons[name]
}

func (s *subject) note(name string, why release.Reference) {
	s.reasons[name] = why
	if _, known := s.named[why]; !known {
		s.named[why] = name
	}
}

// reasonIn is why a variable in an object is unknown.
func reasonIn(o *fluxgraph.Object, name string) release.Reference {
	switch {
	case o != nil && name == substitute.Sealed:
		return release.Reference{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Key: "spec", Reason: substitute.SealedReason}
	case o != nil && o.By != nil:
		r := o.By.Scope.Why(name)
		return release.Reference{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, Key: r.Key, Reason: r.Text}
	}
	return release.Reference{Kind: "Variable", Name: name, Reason: substitute.NoValue(name)}
}

// variables lists why a text of the values is not known; none if it is.
func (s *subject) variables(text string) (out []release.Reference) {
	for _, name := range substitute.Unknown(text) {
		out = append(out, s.why(name))
	}
	return out
}
