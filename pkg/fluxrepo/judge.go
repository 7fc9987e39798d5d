package fluxrepo

import (
	"fmt"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// subject is a HelmRelease that is judged, as one chain builds it.
type subject struct {
	object  *object
	release *helmv2.HelmRelease // harmless where a variable has no value
	scopes  map[string]*scope   // of the variables without a value
	shaky   []string            // variables that decide more than a value
	chart   []string            // variables that keep the chart from being known
	data    map[*object]map[string]datum
}

func (s *subject) used(in *scope, name string) { s.scopes[name] = in }

func (s *subject) shake(names ...string) {
	s.shaky = append(s.shaky, names...)
	slices.Sort(s.shaky)
	s.shaky = slices.Compact(s.shaky)
}

// outcome is what the rules say of a HelmRelease.
type outcome struct {
	release *release.Release // nil for another chart
	result  release.Result
}

// judge runs the rules over a HelmRelease, as one chain builds it. It returns nil for another chart; one that can't be
// known is told of where the HelmRelease is built, or may be.
func (g *graph) judge(o *object, built bool) *Release {
	s := &subject{object: o, scopes: map[string]*scope{}, data: map[*object]map[string]datum{}}
	base, err := g.evaluate(s)
	if err != nil {
		g.report(Error{Place: g.placeOfObject(o), Message: fmt.Sprintf("HelmRelease %s: %s", g.asWritten(o)(o.name), named(plain(err))), Fatal: g.hasWord(o.text)})
		return nil
	}
	if base.release == nil {
		if built {
			g.tellUnknownChart(s)
		}
		return nil
	}
	findings, matter, unread := base.result.Findings, s.shaky, []release.Reference(nil)
	for _, ref := range base.result.Unresolved {
		if ref.Kind == variableKind {
			matter = append(matter, ref.Name)
		} else {
			unread = append(unread, ref)
		}
	}
	slices.Sort(matter)
	matter = slices.Compact(matter)
	if len(s.shaky) > 0 {
		findings = nil
	}
	rel := base.release
	var shapers []Reference
	if o.by != nil && len(o.by.shapers) > 0 {
		findings, shapers = nil, o.by.shapers // any of it could be undone there
	}
	l, show, written := g.locator(o), g.concealed(o), g.asWritten(o)
	out := &Release{
		Namespace: written(rel.Namespace), Name: written(rel.Name), Version: written(rel.Version), Chart: named(show(rel.Chart)),
		Suspended: rel.Suspended || o.by != nil && o.by.object.Spec.Suspend, Built: built, Place: g.placeOfObject(o),
	}
	out.reads = g.readsOf(o)
	if o.by != nil && o.by.from != "" {
		out.From = o.by.fromChain()
	}
	for _, f := range findings {
		place := l.finding(f)
		f.Value = show(named(f.Value))
		out.Findings = append(out.Findings, Finding{Finding: unnamedFinding(f, written), Place: place})
	}
	for _, ref := range unread {
		out.Unresolved = append(out.Unresolved, Reference{Reference: namedReference(unnamed(ref, written)), Place: l.reference(ref)})
	}
	for _, name := range matter {
		if in := s.scopes[name]; in != nil {
			out.Unresolved = append(out.Unresolved, Reference{Reference: namedReference(in.why(name)), Place: l.variable(name)})
		}
	}
	out.Unresolved = append(out.Unresolved, shapers...)
	return out
}

// evaluate reads a HelmRelease and runs the rules over it.
func (g *graph) evaluate(s *subject) (*outcome, error) {
	text, err := g.put(s.object, s.used)
	if err != nil {
		return nil, fmt.Errorf("variables can't be put in: %w", err)
	}
	text = s.unseal(text, s.object)
	hr, err := g.decodeRelease(text)
	if err != nil {
		return nil, err
	}
	s.release, s.chart = hr.HelmRelease, hr.chart
	if s.release.Spec.Chart == nil && s.release.Spec.ChartRef == nil {
		return &outcome{}, nil // a patch
	}
	s.shake(hr.shaky...)
	rel := release.Resolve(g.ctx, s.release, release.Options{
		Charts: g.opts.Charts, Create: true, Reader: &reader{graph: g, subject: s}, Variables: unknownVariables,
	})
	if rel == nil {
		return &outcome{}, nil
	}
	return &outcome{release: rel, result: rel.Evaluate(g.opts.Policy)}, nil
}
