package release

import (
	"errors"

	"github.com/fluxcd/pkg/chartutil"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// merge computes the effective values: those that helm-controller would pass to Helm, over those that
// the chart brings.
func (r *Release) merge() {
	if _, ok := asMap(r.inline); !ok && r.inline != nil {
		r.values = r.inline // helm-controller drops such values without a word; the rules say so
		return
	}
	if r.variables != nil || len(r.open()) > 0 {
		r.layers = r.layersOf()
	}
	if len(r.open()) == 0 {
		values, bad, err := merged(r.inline, r.refs)
		if err == nil {
			r.values = values
			r.layChart()
			return
		}
		r.refs[bad].unread = unmergeable
		if errors.Is(err, chartutil.ErrValuesDataRead) {
			r.refs[bad].unread = notYAML
		}
		r.layers = r.layersOf()
	}
	r.values = overlay(r.layers, r.open())
	r.layChart()
}

// layChart puts the values that the chart brings below all others, where Helm has them.
func (r *Release) layChart() {
	var below any
	if r.defaults != nil {
		below = validate.Open{Reasons: []int{len(r.refs)}}
	}
	for _, l := range r.chart {
		below = lay(below, l.tree)
	}
	switch {
	case below == nil:
	case r.values == nil:
		r.values = below
	default:
		r.values = lay(below, r.values)
	}
}

// overlay lays layers over each other, the first at the bottom. open says why something in them is not known.
//
// A targetPath may win over later layers and over spec.values, or lose to them, which depends on all layers
// before it (docs/adr/0004). So beside anything unknown, what it names is unknown, whatever lies where.
func overlay(layers []layer, open []int) any {
	var values any = map[string]any{}
	for _, l := range layers {
		if !l.target && l.tree != nil {
			values = lay(values, l.tree)
		}
	}
	for _, l := range layers {
		if l.target {
			reasons := l.unknown
			if reasons == nil {
				reasons = open
			}
			values = lay(values, named(l.tree, values, validate.Unknown{Reasons: reasons}))
		}
	}
	return values
}

// named is what a targetPath names, as far as rules read: a key at the top of the values, or one below spegel, with
// something unknown at each. If spegel is no map, nothing can be set below it: either it comes later, or the release
// is not installed.
func named(tree, values any, unknown validate.Unknown) map[string]any {
	out := map[string]any{}
	keys, _ := asMap(tree)
	for key, value := range keys {
		below, ok := value.(map[string]any)
		if key != spegelKey || !ok {
			out[key] = unknown
			continue
		}
		if spegel, set := lookup(values, validate.Path{spegelKey}); set && !mayBeMap(spegel) {
			continue
		}
		inner := make(map[string]any, len(below))
		for key := range below {
			inner[key] = unknown
		}
		out[key] = inner
	}
	return out
}
