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
	version string         // of the chart; empty where it is not known
	keys    []string       // of the mirror list where it is a map, in order
}

// entry is one element that Spegel's chart would pass on as a mirrored registry.
type entry struct {
	index int // in the list; notListed where there is none
	raw   any
}

const notListed = -1

// path is that of the map or string that stands for a list, where the entry is in none.
func (e entry) path() Path {
	if e.index == notListed {
		return listPath
	}
	return Path{spegelKey, listKey, e.index}
}

// quoted is the entry for a message; empty where it must not be shown, or is no string. Of a map nothing is shown.
func (e entry) quoted() string {
	if s, ok := e.raw.(string); ok && e.index != notListed {
		return Quote(s)
	}
	return ""
}

func newValues(in Input) *values {
	v := &values{root: in.Values, version: in.ChartVersion}
	v.top, v.isMap = in.Values.(map[string]any)
	v.spegel, _ = v.top[spegelKey].(map[string]any)
	if list, ok := v.spegel[listKey].(map[string]any); ok {
		v.keys = slices.Sorted(maps.Keys(list))
	}
	return v
}

// entries yields what the chart's template would range over: a list, or the values of a map in the
// order of its keys. A string is no list, but what it names is judged all the same. Nothing is kept of
// an entry: the longest list has over a million.
func (v *values) entries(yield func(entry) bool) {
	switch list := v.spegel[listKey].(type) {
	case []any:
		for i, raw := range list {
			if !yield(entry{i, raw}) {
				return
			}
		}
	case map[string]any:
		for _, key := range v.keys {
			if !yield(entry{notListed, list[key]}) {
				return
			}
		}
	case string:
		if list != "" {
			yield(entry{notListed, list})
		}
	}
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

// beforeRename is the chart's version where it is known to be older than v0.1.0, which renamed the keys, else nil.
func (v *values) beforeRename() *semver.Version {
	version, err := semver.StrictNewVersion(strings.TrimPrefix(v.version, "v"))
	if err != nil || !version.LessThan(firstRenamed) {
		return nil
	}
	return version
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
