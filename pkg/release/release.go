package release

import (
	"context"
	"encoding/json"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Options say how a HelmRelease is resolved.
type Options struct {
	// Charts are the chart names, or full oci:// or https:// URLs, taken for Spegel's.
	Charts []string
	// Reader reads the objects that the HelmRelease names; nil counts each of them as unreadable.
	Reader Reader
	// Create says that the HelmRelease does not exist yet. What it names may come along with it, so even
	// an optional reference that is missing is not yet known to be empty.
	Create bool
	// ChartValues are the values that the chart itself brings, the lowest first: its values.yaml, or the files that
	// spec.chart.spec.valuesFiles names in its place. Nil says that they were not read; that counts if the chart is
	// not Spegel's as it is published.
	ChartValues []ChartValues
	// Variables, if not nil, lists the variables without a known value in a scalar or a key of the values. The text has a
	// placeholder for each. Result.Unresolved names those that matter as they are returned here.
	Variables func(text string) []Reference
}

// Release is a HelmRelease of Spegel, resolved, or one that may be: see Resolve.
type Release struct {
	Namespace, Name string
	// Chart is the chart as the HelmRelease or its source names it, Version its version or range; both
	// are empty where a source that can't be read holds them.
	Chart, Version string
	Suspended      bool

	unknown *Reference // the source, if that leaves open whose chart it is
	own     bool       // the chart is known to be Spegel's own

	refs      []reference
	defaults  *Reference // why it is not known what the chart brings; nil if it is
	variables func(string) []Reference
	unset     []Reference // variables that were met

	chart  []layer // what the chart brings
	inline any     // spec.values as decoded and marked; nil for none
	above  []layer // the layers above the chart's, once they were taken apart
	values any     // effective values, of which parts may not be known
}

// Resolve finds out whose chart a HelmRelease installs and gathers its values. It returns nil for a release
// of another chart. What can't be read is no error: Evaluate reports it as unresolved. So it does the source of a release
// that may be Spegel's, as its names contain the name of a chart, and of which nothing else is known.
func Resolve(ctx context.Context, hr *helmv2.HelmRelease, o Options) *Release {
	src := readSource(ctx, hr, o)
	if src.is == no {
		return nil
	}
	r := &Release{
		Namespace: hr.Namespace, Name: hr.Name, Suspended: hr.Spec.Suspend,
		Chart: src.chart, Version: src.version, own: src.own, variables: o.Variables,
	}
	r.refs = readReferences(ctx, hr, o)
	r.inline = r.mark(decode(hr))
	r.readChart(src, o.ChartValues)
	r.merge()
	if o.ChartValues == nil && r.defaults == nil && r.wrapped() && src.from.Name != "" {
		r.defaults = src.defaults("the values of a chart that wraps Spegel's are not read")
		r.merge()
	}
	if src.is == yes {
		return r
	}
	same, contains := likeness(hr, src, o.Charts)
	switch key := r.hasChartKey(); {
	case !src.unfit && (same || key):
		return r
	case src.unread != "" && (contains || key):
		r.unknown = &src.from
		r.unknown.Source, r.unknown.Reason = true, src.unread+", so whether it is Spegel's chart is not known"
		return r
	}
	return nil
}

// MirrorList is the effective spegel.mirroredRegistries, nil if it is not set.
func (r *Release) MirrorList() (list any, known bool) { return r.effective(listKey) }

// LegacyList is the same for spegel.registries, which charts older than v0.1.0 read in its place.
func (r *Release) LegacyList() (list any, known bool) { return r.effective("registries") }

func (r *Release) effective(key string) (value any, known bool) {
	value, _ = lookup(r.values, r.path(key))
	if r.unknown != nil || !isKnown(value) {
		return nil, false
	}
	return value, true
}

// WritesHosts reports whether Spegel writes hosts files, unless it is known not to, and where spegel.containerdMirrorAdd is set.
func (r *Release) WritesHosts() (writes bool, from Origin) {
	from, _ = r.origin(r.path("containerdMirrorAdd"))
	return !r.input().WritesNoHosts(), from
}

// path leads to a key of Spegel's.
func (r *Release) path(key string) validate.Path {
	if r.wrapped() {
		return validate.Path{spegelKey, spegelKey, key}
	}
	return validate.Path{spegelKey, key}
}

// wrapped reports whether the values are those of a chart that wraps Spegel's, one level deeper.
func (r *Release) wrapped() bool {
	_, _, isMap := parts(child(child(r.values, spegelKey), spegelKey))
	return isMap && !r.own
}

// hasChartKey is the fallback by values, of which those that win may not be known.
func (r *Release) hasChartKey() bool {
	return hasChartKey(r.values) || slices.ContainsFunc(r.above, func(l layer) bool { return hasChartKey(l.tree) })
}

// decode reads spec.values. The API server admits any JSON there, so it may be no map.
func decode(hr *helmv2.HelmRelease) any {
	if hr.Spec.Values == nil || len(hr.Spec.Values.Raw) == 0 {
		return nil
	}
	var v any
	if err := json.Unmarshal(hr.Spec.Values.Raw, &v); err != nil {
		return string(hr.Spec.Values.Raw) // not JSON: no map either, and the rules say so
	}
	return v
}
