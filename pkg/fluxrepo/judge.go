package fluxrepo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// subject is a HelmRelease that is judged, as one chain builds it.
type subject struct {
	object  *object
	release *helmv2.HelmRelease // harmless where a variable has no value
	scopes  map[string]*scope   // of the variables without a value
	holes   holes
	shaky   []string // variables that decide more than a value
	chart   []string // variables that keep the chart from being known
	data    map[*object]map[string]datum
}

func (s *subject) used(in *scope, name string) { s.scopes[name] = in }

func (s *subject) shake(names ...string) {
	s.shaky = append(s.shaky, names...)
	slices.Sort(s.shaky)
	s.shaky = slices.Compact(s.shaky)
}

// judge runs the rules over a HelmRelease, as one chain builds it. It returns nil for another chart; one that can't be
// known is told of where the HelmRelease is built, or may be.
func (g *graph) judge(o *object, built bool) *Release {
	s := &subject{object: o, scopes: map[string]*scope{}, data: map[*object]map[string]datum{}}
	base, err := g.prepare(s)
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
	findings, matter := g.certain(s, base)
	if len(s.shaky) > 0 {
		findings, matter = nil, append(matter, s.shaky...)
		slices.Sort(matter)
		matter = slices.Compact(matter)
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
	for _, ref := range base.result.Unresolved {
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

// prepare reads a HelmRelease and judges it with all that is not known harmless. It finds the holes.
func (g *graph) prepare(s *subject) (*outcome, error) {
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
	if values := s.release.Spec.Values; values != nil && bytes.Contains(values.Raw, []byte(harmlessMark)) {
		var in any
		if json.Unmarshal(values.Raw, &in) == nil {
			s.holes.find(in)
		}
	}
	return g.evaluate(s, world{})
}

// evaluate is judge in one world.
func (g *graph) evaluate(s *subject, w world) (*outcome, error) {
	hr := s.release
	if values := hr.Spec.Values; w.guess != nil && values != nil && bytes.Contains(values.Raw, []byte(harmlessMark)) {
		var in any
		if err := json.Unmarshal(values.Raw, &in); err != nil {
			return nil, err
		}
		raw, err := json.Marshal(w.fill(in))
		if err != nil {
			return nil, err
		}
		hr = hr.DeepCopy()
		hr.Spec.Values = &apiextensionsv1.JSON{Raw: raw}
	}
	rel := release.Resolve(g.ctx, hr, release.Options{
		Charts: g.opts.Charts, Create: true, Reader: &reader{graph: g, subject: s, world: w},
	})
	if rel == nil {
		return &outcome{}, nil
	}
	return &outcome{release: rel, result: rel.Evaluate(g.opts.Policy)}, nil
}
