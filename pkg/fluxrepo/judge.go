package fluxrepo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// judge runs the rules over a HelmRelease, as one chain builds it. It returns nil for another chart.
func (g *graph) judge(o *object) *Release {
	scopes := map[string]*scope{}
	note := func(s *scope, name string) { scopes[name] = s }
	run := func(w world) (*outcome, error) { return g.evaluate(o, w, note) }
	base, err := run(nil)
	if err != nil {
		g.report(Error{Place: g.placeOfObject(o), Message: fmt.Sprintf("HelmRelease %s: %s", o.name, plain(err)), Fatal: g.hasWord(o.text)})
		return nil
	}
	if base.release == nil {
		return nil
	}
	var unknown []string
	for name := range scopes {
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	findings, matter := base.result.Findings, []string(nil)
	if len(unknown) > 0 {
		findings, matter = g.certain(base, unknown, run)
	}
	if names := suspending(o, unknown); len(names) > 0 {
		findings, matter = nil, append(matter, names...)
		slices.Sort(matter)
		matter = slices.Compact(matter)
	}
	rel := base.release
	var shapers []Reference
	if o.by != nil && len(o.by.shapers) > 0 {
		findings, shapers = nil, o.by.shapers // any of it could be undone there
	}
	out := &Release{
		Namespace: rel.Namespace, Name: rel.Name, Chart: rel.Chart, Version: rel.Version,
		Suspended: rel.Suspended || o.by != nil && o.by.object.Spec.Suspend, Built: true, Place: g.placeOfObject(o),
	}
	out.reads = g.readsOf(o)
	if o.by != nil && o.by.from != "" {
		out.From = o.by.fromChain()
	}
	l, show := g.locator(o), g.concealed(o)
	out.Chart = show(out.Chart)
	for _, f := range findings {
		f.Value = show(named(f.Value, unknown))
		out.Findings = append(out.Findings, Finding{Finding: f, Place: l.finding(f)})
	}
	for _, ref := range base.result.Unresolved {
		out.Unresolved = append(out.Unresolved, Reference{Reference: ref, Place: l.reference(ref)})
	}
	for _, name := range matter {
		out.Unresolved = append(out.Unresolved, Reference{Reference: scopes[name].why(name), Place: l.variable(name)})
	}
	out.Unresolved = append(out.Unresolved, shapers...)
	return out
}

// evaluate is judge in one world.
func (g *graph) evaluate(o *object, w world, used func(*scope, string)) (*outcome, error) {
	text, err := g.put(o, w, used)
	if err != nil {
		return nil, fmt.Errorf("variables can't be put in: %w", err)
	}
	hr, err := decodeRelease(text)
	if err != nil {
		return nil, err
	}
	if hr.Spec.Chart == nil && hr.Spec.ChartRef == nil {
		return &outcome{}, nil // a patch
	}
	rel := release.Resolve(g.ctx, hr, release.Options{
		Charts: g.opts.Charts, Create: true, Reader: &reader{graph: g, release: o, wanted: hr.Spec.ValuesFrom, world: w, used: used},
	})
	if rel == nil {
		return &outcome{}, nil
	}
	return &outcome{release: rel, result: rel.Evaluate(g.opts.Policy)}, nil
}

// decodeRelease reads the fields that a check looks at, of any version. A variable in another field, a
// duration for one, does no harm.
func decodeRelease(text []byte) (*helmv2.HelmRelease, error) {
	var all struct {
		Metadata struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace,omitempty"`
		} `json:"metadata"`
		Spec map[string]json.RawMessage `json:"spec"`
	}
	doc, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("is not YAML: %w", err)
	}
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, fmt.Errorf("is not a HelmRelease: %w", err)
	}
	for key := range all.Spec {
		if !slices.Contains(releaseFields, key) {
			delete(all.Spec, key)
		}
	}
	dropUnknown(all.Spec)
	hr := &helmv2.HelmRelease{}
	hr.Name, hr.Namespace = all.Metadata.Name, all.Metadata.Namespace
	if chart, ok := all.Spec["chart"]; ok {
		short, err := shortChart(chart)
		if err != nil {
			return nil, fmt.Errorf("is not a HelmRelease: spec.chart: %w", err)
		}
		hr.Spec.Chart = short
	}
	delete(all.Spec, "chart")
	spec, err := json.Marshal(all.Spec)
	if err != nil {
		return nil, err
	}
	chart := hr.Spec.Chart
	if err := json.Unmarshal(spec, &hr.Spec); err != nil {
		return nil, fmt.Errorf("is not a HelmRelease: spec: %w", err)
	}
	hr.Spec.Chart = chart
	return hr, nil
}

// dropUnknown takes out what would have to be true or false and is a variable without a value.
func dropUnknown(spec map[string]json.RawMessage) {
	if bytes.Contains(spec["suspend"], []byte(harmlessMark)) {
		delete(spec, "suspend")
	}
	var refs []map[string]any
	if !bytes.Contains(spec["valuesFrom"], []byte(harmlessMark)) || json.Unmarshal(spec["valuesFrom"], &refs) != nil {
		return
	}
	for _, ref := range refs {
		if s, ok := ref["optional"].(string); ok && strings.Contains(s, harmlessMark) {
			delete(ref, "optional")
		}
	}
	if out, err := json.Marshal(refs); err == nil {
		spec["valuesFrom"] = out
	}
}

// suspending lists the variables without a value that say whether a release is suspended.
func suspending(o *object, unknown []string) (names []string) {
	docs, err := decodeDocuments(o.text)
	if err != nil || len(docs) != 1 {
		return nil
	}
	for _, m := range plainVariable.FindAllStringSubmatch(text(docs[0], "spec", "suspend"), -1) {
		if slices.Contains(unknown, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

var releaseFields = []string{"chart", "chartRef", "releaseName", "valuesFrom", "values", "suspend", "targetNamespace"}

// shortChart reads the chart's name and version. A name with a variable is not known.
func shortChart(raw json.RawMessage) (*helmv2.HelmChartTemplate, error) {
	var in struct {
		Spec struct {
			Chart   string `json:"chart"`
			Version string `json:"version"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	var out helmv2.HelmChartTemplate
	if !strings.Contains(in.Spec.Chart, harmlessMark) {
		out.Spec.Chart = in.Spec.Chart
	}
	if !strings.Contains(in.Spec.Version, harmlessMark) {
		out.Spec.Version = in.Spec.Version
	}
	return &out, nil
}

const harmlessMark = "unknown-variable-"
