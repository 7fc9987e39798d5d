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

// merge computes what helm-controller would pass to Helm: the layers laid over each other, spec.values on top.
//
// A targetPath may win over later layers and over spec.values, or lose to them, which depends on all layers before it
// (docs/adr/0004). So chartutil merges them, if all of them are known. Beside anything unknown, what a targetPath names is unknown,
// whatever lies where.
func (r *Release) merge() (values any) {
	var targets []*layer
	for i := range r.layers {
		if l := &r.layers[i]; l.ref.TargetPath == "" {
			values = certainty.Lay(values, l.tree)
		} else {
			targets = append(targets, l)
		}
	}
	if len(targets) == 0 || !certainty.MayBeMap(values) { // such spec.values helm-controller drops without a word; the rules say so
		return values
	}
	if len(r.unknown) == 0 {
		known, bad := merged(r.layers)
		if bad == nil {
			return known
		}
		bad.hide(r.because(bad.unread(unmergeable)))
	}
	var open []int
	for i := range r.unknown {
		open = append(open, i)
	}
	for _, l := range targets {
		reasons := l.reasons
		if reasons == nil {
			reasons = open
		}
		values = certainty.Lay(values, named(l.tree, values, certainty.Unknown{Reasons: reasons}))
	}
	return values
}

// merged is what chartutil.ChartValuesFromReferences makes of layers that are known, made of its own parts, so that each is read
// once; bad is the one that it does not get past. It writes into what it merges, so it gets copies.
func merged(layers []layer) (values map[string]any, bad *layer) {
	known := func(l layer) map[string]any {
		tree, _ := l.tree.(map[string]any)
		return runtime.DeepCopyJSON(tree)
	}
	refs, top := layers[:len(layers)-1], layers[len(layers)-1]
	inline := known(top)
	values = map[string]any{}
	for i, l := range refs {
		switch {
		case l.ref.TargetPath == "":
			values = chartutil.MergeMaps(values, known(l))
		case l.found:
			values = chartutil.MergeMaps(values, inline)
			if l.set(values, l.ref.TargetPath, l.text) != nil {
				return nil, &refs[i]
			}
		}
	}
	return chartutil.MergeMaps(values, inline), nil
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
	var chart []layer
	var unread Reference
	wrapped := len(r.input().Path("")) > 2 && src.from.Name != ""
	if files == nil && (len(src.valuesFiles) > 0 || src.files || wrapped) {
		unread = src.from
		unread.Reason = "the chart's own values are not read"
		if key := cmp.Or(strings.Join(src.valuesFiles, ", "), src.chart); key != unread.Name { // a URL names the source and the chart
			unread.Key = key
		}
	}
	for _, file := range files {
		tree, err := common.ReadValues([]byte(file.Data))
		if err != nil {
			unread = Reference{Kind: "File", Name: file.File, Reason: notYAML}
			break
		}
		chart = append(chart, layer{origin: Origin{File: file.File}, tree: map[string]any(tree)})
	}
	if unread.Reason != "" {
		unread.Chart = true
		chart = []layer{{tree: certainty.Open{Reasons: []int{r.because(unread)}}}}
	}
	var below any
	for _, l := range chart {
		below = certainty.Lay(below, l.tree)
	}
	r.values, r.layers = certainty.Lay(below, r.values), slices.Concat(chart, r.layers)
}
