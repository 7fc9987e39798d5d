package release

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/chartutil"
	"helm.sh/helm/v4/pkg/chart/common"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

// spegelKey is where a chart of Spegel's has what rules read.
const spegelKey = "spegel"

// merge computes what helm-controller would pass to Helm.
func (r *Release) merge() any {
	if !certainty.MayBeMap(r.inline) && r.inline != nil {
		return r.inline // helm-controller drops such values without a word; the rules say so
	}
	if len(r.open()) == 0 && slices.ContainsFunc(r.refs, func(l layer) bool { return l.ref.TargetPath != "" }) {
		values, bad := r.merged()
		if bad < 0 {
			return values
		}
		r.unknown[bad].Reason = unmergeable
		r.refs[bad].hide(bad)
	}
	return overlay(r.refs, r.inline, r.open())
}

// open lists why parts of the layers are not known.
func (r *Release) open() (reasons []int) {
	for i := range r.unknown {
		if i >= len(r.refs) || r.unknown[i].Reason != "" {
			reasons = append(reasons, i)
		}
	}
	return reasons
}

// merged is what chartutil.ChartValuesFromReferences makes of layers that are known, made of its own parts, so that each is read
// once; bad is the one that it does not get past. It writes into what it merges, so it gets copies.
func (r *Release) merged() (values any, bad int) {
	inline, _ := r.inline.(map[string]any)
	inline = runtime.DeepCopyJSON(inline)
	out := map[string]any{}
	for i, l := range r.refs {
		switch tree, _ := l.tree.(map[string]any); {
		case l.ref.TargetPath == "":
			out = chartutil.MergeMaps(out, runtime.DeepCopyJSON(tree))
		case l.ref.Found:
			out = chartutil.MergeMaps(out, inline)
			if l.set(out, l.ref.TargetPath, l.ref.Text) != nil {
				return nil, i
			}
		}
	}
	return chartutil.MergeMaps(out, inline), -1
}

// overlay lays references over each other, the first at the bottom, and spec.values on top. open says why something in them is not
// known.
//
// A targetPath may win over later layers and over spec.values, or lose to them, which depends on all layers
// before it (docs/adr/0004). So beside anything unknown, what it names is unknown, whatever lies where.
func overlay(refs []layer, inline any, open []int) (values any) {
	for _, l := range refs {
		if l.ref.TargetPath == "" && l.tree != nil {
			values = certainty.Lay(values, l.tree)
		}
	}
	values = over(values, inline)
	for _, l := range refs {
		if l.ref.TargetPath != "" {
			reasons := l.reasons
			if reasons == nil {
				reasons = open
			}
			values = certainty.Lay(values, named(l.tree, values, certainty.Unknown{Reasons: reasons}))
		}
	}
	return values
}

// named is what a targetPath names, as far as rules read: a key at the top of the values, or one below spegel, with
// something unknown at each. If spegel is no map, nothing can be set below it: either it comes later, or the release
// is not installed.
func named(tree, values any, unknown certainty.Unknown) map[string]any {
	out := map[string]any{}
	keys, _, _ := certainty.Parts(tree)
	for key, value := range keys {
		below, _, isMap := certainty.Parts(value)
		if key != spegelKey || !isMap {
			out[key] = unknown
		} else if spegel, set := certainty.Child(values, spegelKey); !set || certainty.MayBeMap(spegel) {
			inner := map[string]any{}
			for key := range below {
				inner[key] = unknown
			}
			out[key] = inner
		}
	}
	return out
}

// readChart lays the values over those that the chart brings, or notes why these are not known. Spegel's own chart, as it is
// published, sets nothing that rules read; a chart out of files may, and so may values files and a chart that wraps it.
func (r *Release) readChart(src source, files []ChartValues) {
	unread := src.from
	wrapped := len(r.input().Path("")) > 2 && src.from.Name != ""
	if files == nil && (len(src.valuesFiles) > 0 || src.files || wrapped) {
		unread.Key, unread.Reason = cmp.Or(strings.Join(src.valuesFiles, ", "), src.chart), "the chart's own values are not read"
	}
	for _, file := range files {
		tree, err := common.ReadValues([]byte(file.Data))
		if err != nil {
			r.chart, unread = nil, Reference{Kind: "File", Name: file.File, Reason: notYAML}
			break
		}
		r.chart = append(r.chart, layer{origin: Origin{File: file.File}, tree: map[string]any(tree)})
	}
	if unread.Reason != "" {
		unread.Chart = true
		r.below = certainty.Open{Reasons: []int{len(r.unknown)}}
		r.unknown = append(r.unknown, unread)
	}
	for _, l := range r.chart {
		r.below = certainty.Lay(r.below, l.tree)
	}
	r.values = over(r.below, r.values)
}

// over lays values over others. Nil are none.
func over(below, above any) any {
	if above == nil {
		return below
	}
	return certainty.Lay(below, above)
}
