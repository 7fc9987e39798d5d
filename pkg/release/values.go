package release

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/chartutil"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
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
		r.unread(bad, unmergeable)
	}
	var open []int
	for i := range r.unknown {
		open = append(open, i)
	}
	values = certainty.Lay(map[string]any{spegelKey: map[string]any{}}, values) // to rules the same as none
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
		if l.ref.TargetPath == "" {
			values = chartutil.MergeMaps(values, known(l))
			continue
		}
		values = chartutil.MergeMaps(values, inline)
		if l.set(values, l.ref.TargetPath, l.text) != nil {
			return nil, &refs[i]
		}
	}
	return chartutil.MergeMaps(values, inline), nil
}

// named is what a targetPath names: something unknown at the first key that is no map both there and in the values, as
// what is there may be in the way of the path.
func named(tree, values any, unknown certainty.Unknown) any {
	keys, _, isMap := certainty.Parts(tree)
	if _, _, both := certainty.Parts(values); !isMap || !both {
		return unknown
	}
	out := map[string]any{}
	for key, value := range keys {
		below, _ := certainty.Child(values, key)
		out[key] = named(value, below, unknown)
	}
	return out
}

// readChart lays the values over those that the chart brings, which may be anything if they are not read. Spegel's own chart, as
// it is published, sets nothing that rules read; a chart out of files may, and so may values files and a chart that wraps it.
func (r *Release) readChart(of sourcev1.HelmChartSpec, from Reference, files []ChartValues) {
	chart := make([]layer, len(files))
	for i, file := range files {
		chart[i] = layer{origin: Origin{Kind: KindFile, Name: file.File}, text: file.Data}
		if file.Unread != "" {
			r.unread(&chart[i], file.Unread)
		} else {
			r.parse(&chart[i])
		}
	}
	wrapped := len(r.input.Path("")) > 2
	if files == nil && (len(of.ValuesFiles) > 0 || ofFiles(of.SourceRef.Kind) || wrapped) {
		from.Chart, from.Reason = true, "the chart's own values are not read"
		if key := cmp.Or(strings.Join(of.ValuesFiles, ", "), of.Chart); key != from.Name { // a URL names the source and the chart
			from.Key = key
		}
		chart = []layer{{tree: certainty.Open{Reasons: []int{r.because(from)}}}}
	}
	var below any
	for _, l := range chart {
		below = certainty.Lay(below, l.tree)
	}
	r.input.Values, r.layers = certainty.Lay(below, r.input.Values), slices.Concat(chart, r.layers)
}
