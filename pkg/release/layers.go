package release

import (
	"context"
	"maps"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/chartutil"
	"helm.sh/helm/v4/pkg/chart/common"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/release/internal/valuesfrom"
)

// layer is one of the parts that values are made of: a values file of the chart, an entry of
// spec.valuesFrom, or spec.values.
type layer struct {
	origin Origin
	// tree is what the layer sets, with certainty.Unknown and certainty.Open for what cannot be known; nil for nothing. With a
	// targetPath it is what that makes of empty values.
	tree any

	ref     valuesfrom.Entry // nothing for spec.values and a file of the chart
	reasons []int            // why what the reference sets is not known
}

// Why a reference that could be read counts as unread: helm-controller does not get past it either.
const (
	notYAML     = "is not YAML"
	unmergeable = "can't be merged at its targetPath"
)

// readLayers finds out what references and spec.values set. Reasons are indices into r.unknown: those of references, then those of
// variables, then that of the chart.
func (r *Release) readLayers(ctx context.Context, hr *helmv2.HelmRelease, o Options) {
	for i, ref := range valuesfrom.Read(ctx, o.Reader, hr, o.Create) {
		at := Origin{Kind: ref.Kind, Namespace: hr.Namespace, Name: ref.Name, Key: ref.GetValuesKey(), Index: i}
		r.refs = append(r.refs, layer{origin: at, ref: ref})
		r.unknown = append(r.unknown, Reference{Kind: at.Kind, Namespace: at.Namespace, Name: at.Name, Key: at.Key, Reason: ref.Unread})
	}
	for i := range r.refs {
		l := &r.refs[i]
		if l.ref.Found {
			unread := r.parse(l) // which may add to what is unknown
			r.unknown[i].Reason = unread
		}
		if r.unknown[i].Reason != "" {
			l.hide(i)
		}
	}
	r.inline = r.mark(decode(hr))
}

// hide has a layer set what nobody knows: anything, or, with a targetPath, something there.
func (l *layer) hide(reasons ...int) {
	l.reasons = reasons
	if l.ref.TargetPath == "" {
		l.tree = certainty.Open{Reasons: reasons}
		return
	}
	path, _, _ := strings.Cut(l.ref.TargetPath, "[") // no rule tells the positions of a list apart that may hold anything
	tree := map[string]any{}
	_ = l.set(tree, path, "x") // nothing at a path that is none
	l.tree = tree
}

// set puts a text at a path, as helm-controller does.
func (l *layer) set(values map[string]any, path, text string) error {
	if l.ref.Literal {
		return chartutil.ReplacePathLiteralValue(values, path, text)
	}
	return chartutil.ReplacePathValue(values, path, text)
}

// parse finds out what a text sets, or why it counts as unread. With a targetPath that includes the other paths that it may set
// after a comma. Where a variable keeps it from being read, it may stand for all of it.
func (r *Release) parse(l *layer) (unread string) {
	if l.ref.TargetPath == "" {
		tree, err := common.ReadValues([]byte(l.ref.Text))
		if err == nil {
			l.tree = r.mark(map[string]any(tree))
			return ""
		}
		unread = notYAML
	}
	if reasons := r.reasons(l.ref.Text); reasons != nil {
		l.hide(reasons...)
		return ""
	}
	if l.ref.TargetPath != "" {
		tree := map[string]any{}
		if l.set(tree, l.ref.TargetPath, l.ref.Text) != nil {
			unread = unmergeable
		}
		l.tree = tree
	}
	return unread
}

// mark puts certainty.Unknown in the place of each scalar that holds a variable that is not known. A key that holds one may be any.
func (r *Release) mark(node any) any {
	if r.variables == nil {
		return node
	}
	switch node := node.(type) {
	case string:
		if reasons := r.reasons(node); reasons != nil {
			return certainty.Unknown{Reasons: reasons}
		}
	case []any:
		out := make([]any, 0, len(node))
		for _, entry := range node {
			out = append(out, r.mark(entry))
		}
		return out
	case map[string]any:
		known, reasons := make(map[string]any, len(node)), []int(nil)
		for _, key := range slices.Sorted(maps.Keys(node)) { // so that reasons have the same order each time
			if in := r.reasons(key); in != nil {
				reasons = certainty.Union(reasons, in)
			} else {
				known[key] = r.mark(node[key])
			}
		}
		if reasons != nil {
			return certainty.Open{Known: known, Reasons: reasons}
		}
		return known
	}
	return node
}

// reasons are the variables in a text that are not known; nil if there are none.
func (r *Release) reasons(text string) (reasons []int) {
	if r.variables == nil {
		return nil
	}
	for _, ref := range r.variables(text) {
		i := slices.Index(r.unknown, ref)
		if i < 0 {
			i = len(r.unknown)
			r.unknown = append(r.unknown, ref)
		}
		reasons = certainty.Union(reasons, []int{i})
	}
	return reasons
}
