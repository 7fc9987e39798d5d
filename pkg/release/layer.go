package release

import (
	"slices"
	"strings"

	"github.com/fluxcd/pkg/chartutil"
	"helm.sh/helm/v4/pkg/chart/common"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// layer is one of the parts that values are made of: a values file of the chart, an entry of
// spec.valuesFrom, or spec.values.
type layer struct {
	origin Origin
	// tree is what the layer sets, with validate.Unknown and validate.Open for what cannot be known; nil for nothing.
	tree any
	// target says that the layer is an entry with a targetPath. Its tree is what it makes of empty values.
	target bool
	// unknown says why the value at the targetPath is not known; empty if it is.
	unknown []int
}

// layersOf lists the layers above the chart's, lowest first. An entry that turns out to hold no values counts as unread,
// as helm-controller does not get past it either.
func (r *Release) layersOf() []layer {
	layers := make([]layer, 0, len(r.refs)+1)
	for i := range r.refs {
		layers = append(layers, r.layerOf(i))
	}
	return append(layers, layer{tree: r.inline})
}

func (r *Release) layerOf(i int) layer {
	ref := &r.refs[i]
	l := layer{origin: ref.origin(i), target: ref.TargetPath != ""}
	if ref.empty {
		return l
	}
	var unknown []int
	if ref.unread != "" {
		unknown = []int{i}
	}
	if l.target {
		if unknown == nil {
			unknown = r.reasons(ref.data)
		}
		tree, err := ref.sets(unknown == nil)
		if err != nil && unknown == nil {
			ref.unread, unknown = unmergeable, []int{i}
			tree, _ = ref.sets(false)
		}
		l.tree, l.unknown = tree, unknown
		return l
	}
	if unknown == nil {
		tree, err := common.ReadValues([]byte(ref.data))
		if err == nil {
			l.tree = r.mark(map[string]any(tree))
			return l
		}
		if unknown = r.reasons(ref.data); unknown == nil { // else a variable may stand for all of it
			ref.unread, unknown = notYAML, []int{i}
		}
	}
	l.tree = validate.Open{Reasons: unknown}
	return l
}

// Why a reference that could be read counts as unread.
const (
	notYAML     = "is not YAML"
	unmergeable = "can't be merged at its targetPath"
)

// sets is what a reference with a targetPath makes of empty values. If its text is known, that includes the other paths
// that it may set after a comma.
func (ref *reference) sets(known bool) (map[string]any, error) {
	path, text := ref.TargetPath, ref.data
	if !known {
		path, _, _ = strings.Cut(path, "[") // no rule tells the positions of a list apart that may hold anything
		text = "x"
	}
	set := chartutil.ReplacePathValue
	if ref.Literal {
		set = chartutil.ReplacePathLiteralValue
	}
	tree := common.Values{}
	err := set(tree, path, text)
	return tree, err
}

// mark puts validate.Unknown in the place of each scalar that holds an unknown variable. A key that holds one may be any,
// and so may all keys of values that are nothing but a variable.
func (r *Release) mark(values any) any {
	if r.variables == nil {
		return values
	}
	marked := r.markNode(values)
	if u, ok := marked.(validate.Unknown); ok {
		return validate.Open{Reasons: u.Reasons}
	}
	return marked
}

func (r *Release) markNode(node any) any {
	switch node := node.(type) {
	case string:
		if reasons := r.reasons(node); reasons != nil {
			return validate.Unknown{Reasons: reasons}
		}
	case []any:
		out := make([]any, 0, len(node))
		for _, entry := range node {
			out = append(out, r.markNode(entry))
		}
		return out
	case map[string]any:
		known, reasons := make(map[string]any, len(node)), []int(nil)
		for key, child := range node {
			if in := r.reasons(key); in != nil {
				reasons = union(reasons, in)
				continue
			}
			known[key] = r.markNode(child)
		}
		if reasons != nil {
			return validate.Open{Known: known, Reasons: reasons}
		}
		return known
	}
	return node
}

// reasons are the unknown variables in a text, as validate.Unknown names them; nil if there are none.
func (r *Release) reasons(text string) (reasons []int) {
	if r.variables == nil {
		return nil
	}
	for _, ref := range r.variables(text) {
		at := slices.Index(r.unset, ref)
		if at < 0 {
			at = len(r.unset)
			r.unset = append(r.unset, ref)
		}
		reasons = union(reasons, []int{r.variable(at)})
	}
	return reasons
}

// open lists why parts of the layers are not known: references that were not read, and variables.
func (r *Release) open() (reasons []int) {
	for i := range r.refs {
		if r.refs[i].unread != "" {
			reasons = append(reasons, i)
		}
	}
	for i := range r.unset {
		reasons = append(reasons, r.variable(i))
	}
	return reasons
}

// Reasons are those of references, by their index, then that of the chart, then those of variables.
func (r *Release) variable(index int) int { return len(r.refs) + 1 + index }

// reference is what a reason is about.
func (r *Release) reference(reason int) Reference {
	switch chart := len(r.refs); {
	case reason < chart:
		return r.refs[reason].reference()
	case reason == chart:
		return *r.defaults
	default:
		return r.unset[reason-r.variable(0)]
	}
}
