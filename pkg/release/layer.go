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

// Why a reference that could be read counts as unread: helm-controller does not get past it either.
const (
	notYAML     = "is not YAML"
	unmergeable = "can't be merged at its targetPath"
)

// layers lists the layers above the chart's, lowest first.
func (r *Release) layers() []layer {
	if r.above != nil {
		return r.above
	}
	for i := range r.refs {
		ref := &r.refs[i]
		l := layer{origin: ref.origin(i), target: ref.TargetPath != ""}
		switch {
		case ref.empty:
		case l.target:
			l.tree, l.unknown = r.target(i)
		default:
			l.tree = r.document(i)
		}
		r.above = append(r.above, l)
	}
	r.above = append(r.above, layer{tree: r.inline})
	return r.above
}

// document is what a reference sets that holds values. If they are not known they may be any.
func (r *Release) document(i int) any {
	ref, why := &r.refs[i], []int{i}
	if ref.unread == "" {
		tree, err := common.ReadValues([]byte(ref.data))
		if err == nil {
			return r.mark(map[string]any(tree))
		}
		if variables := r.reasons(ref.data); variables != nil {
			why = variables // one of which may stand for all of it
		} else {
			ref.unread = notYAML
		}
	}
	return validate.Open{Reasons: why}
}

// target is what a reference with a targetPath sets, and why its value is not known. If it is, that includes the other
// paths that it may set after a comma.
func (r *Release) target(i int) (tree any, unknown []int) {
	ref, why := &r.refs[i], []int{i}
	if ref.unread == "" {
		why = r.reasons(ref.data)
	}
	if why == nil {
		tree, err := ref.set(ref.TargetPath, ref.data)
		if err == nil {
			return tree, nil
		}
		ref.unread, why = unmergeable, []int{i}
	}
	path, _, _ := strings.Cut(ref.TargetPath, "[") // no rule tells the positions of a list apart that may hold anything
	tree, _ = ref.set(path, "x")
	return tree, why
}

// set is what a text makes of empty values.
func (ref *reference) set(path, text string) (any, error) {
	set := chartutil.ReplacePathValue
	if ref.Literal {
		set = chartutil.ReplacePathLiteralValue
	}
	tree := common.Values{}
	err := set(tree, path, text)
	return map[string]any(tree), err
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
		if !slices.Contains(r.unset, ref) {
			r.unset = append(r.unset, ref)
		}
		reasons = union(reasons, []int{r.variable(slices.Index(r.unset, ref))})
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
		ref := r.refs[reason]
		return Reference{Kind: ref.Kind, Namespace: ref.namespace, Name: ref.Name, Key: ref.GetValuesKey(), Reason: ref.unread}
	case reason == chart:
		return *r.defaults
	}
	return r.unset[reason-r.variable(0)]
}
