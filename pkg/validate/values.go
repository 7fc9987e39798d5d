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

// values is the view that the rules share: what they look at, taken apart once.
type values struct {
	base    Path // of root: empty, or spegel where the chart wraps Spegel's
	root    any
	spegel  any
	set     bool // spegel is a key of root
	list    list // the mirror list
	version string
}

func newValues(in Input) *values {
	v := &values{root: in.Values, version: in.ChartVersion}
	if outer, _ := child(v.root, spegelKey); !in.OwnChart {
		if inner, _ := child(outer, spegelKey); isMap(inner) {
			v.base, v.root = Path{spegelKey}, outer
		}
	}
	if len(in.Defaults) > 0 {
		v.root = opened(v.root, in.Defaults)
	}
	v.spegel, v.set = child(v.root, spegelKey)
	if len(in.Defaults) > 0 && isMap(v.spegel) {
		v.spegel = opened(v.spegel, in.Defaults)
	}
	v.list = v.listAt(listKey)
	return v
}

// path leads to a node below the root.
func (v *values) path(steps ...any) Path { return slices.Concat(v.base, steps) }

// listAt takes the list at a key of spegel.
func (v *values) listAt(key string) list {
	l := list{path: v.path(spegelKey, key)}
	l.node, l.set = child(v.spegel, key)
	if m := known(l.node); len(m) > 0 {
		l.keys = slices.Sorted(maps.Keys(m))
	}
	return l
}

// notRenderable says which of the values has a type that the chart's template fails on, if one is known to. Without
// values, or without the key spegel, the chart's own defaults are in force.
func (v *values) notRenderable() (p problem, ok bool) {
	switch {
	case v.root != nil && !isUnknown(v.root) && !isMap(v.root):
		return problem{path: v.base, message: "the values are " + kind(v.root) + ", not a map, so Helm can't use them", fix: "write a map"}, true
	case v.set && !isUnknown(v.spegel) && !isMap(v.spegel):
		return problem{
			path:    v.path(spegelKey),
			message: "is " + kind(v.spegel) + ", not a map, so Helm can't render the chart",
			fix:     "write a map with mirroredRegistries, " + examples,
		}, true
	}
	return problem{}, false
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
	case map[string]any, Open:
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
