package release

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/chartutil"

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
	// Enter, if not nil, is called once all is read and before it is merged, with the size of the values in
	// bytes, more where much has to be merged. It may wait. If it fails, what was read counts as unread.
	Enter func(ctx context.Context, bytes int) error
}

// Release is a HelmRelease of Spegel, resolved, or one that may be: see Resolve.
type Release struct {
	Namespace, Name string
	// Chart is the chart as the HelmRelease or its source names it, Version its version or range; both
	// are empty where a source that can't be read holds them.
	Chart, Version string
	Suspended      bool

	unknown *Reference // the source, if whose chart it is is not known
	own     bool       // the chart is known to be Spegel's own

	inline any // spec.values as decoded; nil for none
	refs   []reference
	values any // effective values, as far as they could be read
}

// Resolve finds out whose chart a HelmRelease installs and gathers its values. It returns nil for a release
// of another chart. What can't be read is no error: Evaluate reports it as unresolved. So it does the source of a release
// that may be Spegel's, as its names contain the name of a chart, and of which nothing else is known.
func Resolve(ctx context.Context, hr *helmv2.HelmRelease, o Options) *Release {
	src, byName := chartSource(hr, o.Charts), namedLikeChart(hr, o.Charts)
	if src.is == no {
		return nil
	}
	r := &Release{Namespace: hr.Namespace, Name: hr.Name, Suspended: hr.Spec.Suspend}
	readSrc := func() {
		if hr.Spec.ChartRef != nil {
			src = readSource(ctx, hr, o)
		}
	}
	readRefs := func() { r.refs = readReferences(ctx, hr, o) }
	switch {
	case src.is == yes:
		readRefs()
	case byName: // most likely Spegel's: read all at once
		together(readSrc, readRefs)
	default:
		readSrc()
		if src.is != no {
			readRefs()
		}
	}
	if src.is == no {
		return nil
	}
	r.Chart, r.Version, r.own = src.chart, src.version, src.own
	r.enter(ctx, hr, o)
	r.inline = decode(hr)
	r.merge()
	if src.is == unknown && (src.unfit || !byName && !hasChartKey(r.values)) {
		if src.unread == nil || !suggestsChart(hr, src, o.Charts) && !hasChartKey(r.values) {
			return nil
		}
		r.unknown = src.unread
	}
	return r
}

// enter asks for leave to merge.
func (r *Release) enter(ctx context.Context, hr *helmv2.HelmRelease, o Options) {
	var inline []byte
	if hr.Spec.Values != nil {
		inline = hr.Spec.Values.Raw
	}
	bytes := len(inline)
	if len(r.refs) > 0 {
		inside := nodes(string(inline))
		if inside > maxNodes {
			r.unread("is not looked at beside so many inline values")
			inside = 0
		}
		for i := range r.refs {
			if r.refs[i].wasRead() {
				bytes += len(r.refs[i].data)
				inside += nodes(r.refs[i].data)
			}
		}
		bytes += nodeCost * inside
	}
	if o.Enter != nil && o.Enter(ctx, bytes) != nil {
		r.unread("could not be looked at in time")
	}
}

// unread has what was read count as unread.
func (r *Release) unread(why string) {
	for i := range r.refs {
		if r.refs[i].wasRead() {
			r.refs[i].unread, r.refs[i].data = why, ""
		}
	}
}

// merge computes the effective values. A reference that can't be merged counts as unread from then on,
// as helm-controller does not get past it either.
func (r *Release) merge() {
	for failed := 1; ; failed++ {
		values, bad, err := merged(r.inline, r.refs, nil)
		if err == nil {
			r.values = values
			return
		}
		r.refs[bad].unread = "can't be merged at its targetPath"
		if errors.Is(err, chartutil.ErrValuesDataRead) {
			r.refs[bad].unread = "is not YAML"
		}
		for i := bad; failed == maxUnmerged && i < len(r.refs); i++ {
			if r.refs[i].wasRead() {
				r.refs[i].unread = "comes after others that can't be merged"
			}
		}
	}
}

// MirrorList is the effective spegel.mirroredRegistries, nil where it is not set. It is not known
// where a reference could not be read.
func (r *Release) MirrorList() (list any, known bool) { return r.effective(listKey) }

// LegacyList is the same for spegel.registries, which charts older than v0.1.0 read in its place.
func (r *Release) LegacyList() (list any, known bool) { return r.effective("registries") }

func (r *Release) effective(key string) (value any, known bool) {
	if r.unknown != nil || slices.ContainsFunc(r.refs, func(ref reference) bool { return ref.unread != "" }) {
		return nil, false
	}
	return at(r.values, validate.Path{spegelKey, key}), true
}

// largeValues is from how many bytes on a decoder is spared.
const largeValues = 16 << 10

// decode reads spec.values. The API server admits any JSON there, so it may be no map. Where nothing is
// merged into them, large values are only decoded as far as the rules read: below the top level, the
// key spegel. Whatever else stands at the top is there, or null, but not what it is.
func decode(hr *helmv2.HelmRelease) any {
	if hr.Spec.Values == nil || len(hr.Spec.Values.Raw) == 0 {
		return nil
	}
	if top := map[string]json.RawMessage(nil); len(hr.Spec.ValuesFrom) == 0 && len(hr.Spec.Values.Raw) > largeValues &&
		json.Unmarshal(hr.Spec.Values.Raw, &top) == nil && top != nil {
		out := make(map[string]any, len(top))
		for key, raw := range top {
			switch {
			case key == spegelKey:
				var v any
				_ = json.Unmarshal(raw, &v) // it was read as a part of the whole
				out[key] = v
			case string(raw) == "null":
				out[key] = nil
			default:
				out[key] = true
			}
		}
		return out
	}
	var v any
	if err := json.Unmarshal(hr.Spec.Values.Raw, &v); err != nil {
		return string(hr.Spec.Values.Raw) // not JSON: no map either, and the rules say so
	}
	return v
}

// at returns the node at a path, or nil.
func at(v any, path validate.Path) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}
