package validate

import (
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Keys of Spegel's chart.
const (
	spegelKey = "spegel"
	listKey   = "mirroredRegistries"
	legacyKey = "registries"
)

var listPath = Path{spegelKey, listKey}

// values is the view that the rules share: what they look at, taken apart once.
type values struct {
	root    any
	isMap   bool           // root is a map
	top     map[string]any // nil where the values are absent or not a map
	spegel  map[string]any // nil where spegel is absent or not a map
	version *semver.Version
	entries []entry
}

// entry is one element that Spegel's chart would pass on as a mirrored registry.
type entry struct {
	path   Path
	raw    any
	listed bool // stands in a list, so that a message may show it
}

// quoted is the entry for a message; empty where it must not be shown, or is no string.
func (e entry) quoted() string {
	if s, ok := e.raw.(string); ok && e.listed {
		return Quote(s)
	}
	return ""
}

func newValues(in Input) *values {
	v := &values{root: in.Values}
	v.top, v.isMap = in.Values.(map[string]any)
	v.spegel, _ = v.top[spegelKey].(map[string]any)
	if version, err := semver.StrictNewVersion(strings.TrimPrefix(in.ChartVersion, "v")); err == nil {
		v.version = version
	}
	v.entries = listEntries(v.spegel[listKey])
	return v
}

// listEntries lists what the chart's template would range over: a list, or the values of a map in the
// order of its keys. Of a map nothing is shown, so its entries carry the path of the map. A string is
// no list, but what it names is judged all the same.
func listEntries(list any) []entry {
	var out []entry
	switch list := list.(type) {
	case []any:
		for i, raw := range list {
			out = append(out, entry{path: Path{spegelKey, listKey, i}, raw: raw, listed: true})
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(list)) {
			out = append(out, entry{path: listPath, raw: list[key]})
		}
	case string:
		if list != "" {
			out = append(out, entry{path: listPath, raw: list})
		}
	}
	return out
}

// renderable tells whether the chart's template gets as far as the mirror list: without values, or
// without the key spegel, the chart's own defaults are in force.
func (v *values) renderable() bool {
	if v.root == nil {
		return true
	}
	if !v.isMap {
		return false
	}
	spegel, set := v.top[spegelKey]
	_, ok := spegel.(map[string]any)
	return !set || ok
}

// olderThanRename tells whether the chart is known to be older than v0.1.0, which renamed the keys.
func (v *values) olderThanRename() bool {
	return v.version != nil && v.version.LessThan(firstRenamed)
}

var firstRenamed = semver.New(0, 1, 0, "", "")

// kind names a value's type as YAML does.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	default:
		return "a number"
	}
}

// isFalse tells what a Helm template's "with" takes for nothing.
func isFalse(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case string:
		return v == ""
	case bool:
		return !v
	case int64:
		return v == 0
	case float64:
		return v == 0
	case int:
		return v == 0
	}
	return false
}
