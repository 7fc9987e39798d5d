package validate

import (
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
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
	set     bool            // spegel is a key of root
	list    list            // the mirror list
	version *semver.Version // of Spegel's chart; nil where it is not known
}

func newValues(in Input) *values {
	v := &values{root: in.Values}
	if in.wrapped() {
		v.base = Path{spegelKey}
		v.root, _ = certainty.Child(v.root, spegelKey)
	} else {
		v.version, _ = semver.StrictNewVersion(strings.TrimPrefix(in.ChartVersion, "v"))
	}
	v.spegel, v.set = certainty.Child(v.root, spegelKey)
	v.list = v.listAt(listKey)
	if v.olderThan(renamed) {
		v.list = v.listAt(legacyKey)
	}
	return v
}

// path leads to a node below the root.
func (v *values) path(steps ...any) Path { return slices.Concat(v.base, steps) }

// listAt takes the list at a key of spegel.
func (v *values) listAt(key string) list {
	l := list{path: v.path(spegelKey, key)}
	l.node, l.set = certainty.Child(v.spegel, key)
	if m := known(l.node); len(m) > 0 {
		l.keys = slices.Sorted(maps.Keys(m))
	}
	return l
}

// notRenderable says which of the values has a type that the chart's template fails on, if one is known to. Without
// values, or without the key spegel, the chart's own defaults are in force.
func (v *values) notRenderable() (p problem, ok bool) {
	switch {
	case v.root != nil && !certainty.MayBeMap(v.root):
		return problem{path: v.base, message: "the values are " + kind(v.root) + ", not a map, so Helm can't use them", fix: "write a map"}, true
	case v.set && !certainty.MayBeMap(v.spegel):
		return problem{
			path:    v.path(spegelKey),
			message: "is " + kind(v.spegel) + ", not a map, so Helm can't render the chart",
			fix:     "write a map with mirroredRegistries, " + examples,
		}, true
	}
	return problem{}, false
}

// renamed is the release of the chart that renamed keys, the list's among them.
var renamed = semver.New(0, 1, 0, "", "")

// olderThan reports whether the chart is known to be older than a release. A pre-release of it is not: it may have what the
// release has.
func (v *values) olderThan(release *semver.Version) bool {
	if v.version == nil {
		return false
	}
	core := semver.New(v.version.Major(), v.version.Minor(), v.version.Patch(), "", "")
	return core.LessThan(release)
}

// writesNoHosts reports whether the chart is known to leave out the container that writes hosts files.
func (v *values) writesNoHosts() bool {
	add, set := certainty.Child(v.spegel, "containerdMirrorAdd")
	return set && isFalse(add)
}

// says completes a problem that puts Spegel in front of registries with what follows. Where Spegel writes no hosts files that is
// nothing by itself.
func (v *values) says(p problem, what, follows string) problem {
	if p.mild = v.writesNoHosts(); p.mild {
		follows = "; with containerdMirrorAdd: false Spegel writes no hosts files, so the nodes' own hosts files decide what it is asked for"
	}
	p.message = p.message + what + follows
	return p
}

// known is the part of a map that is known; nil where the node is no map.
func known(node any) map[string]any {
	keys, _, _ := certainty.Parts(node)
	return keys
}

func isMap(node any) bool {
	_, _, isMap := certainty.Parts(node)
	return isMap
}

// isSet reports whether a node is known to be there and not null.
func isSet(node any) bool {
	_, unknown := node.(certainty.Unknown)
	return node != nil && !unknown
}

// kind names a value's type as YAML does.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any, certainty.Open:
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
