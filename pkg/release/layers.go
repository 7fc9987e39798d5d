package release

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/chartutil"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

// layer is one of the parts that values are made of: a values file of the chart, an entry of
// spec.valuesFrom, or spec.values.
type layer struct {
	origin Origin
	// tree is what the layer sets, with certainty.Unknown and certainty.Open for what cannot be known. With a targetPath it is
	// what that makes of empty values.
	tree any

	ref     helmv2.ValuesReference // nothing for spec.values and a file of the chart
	text    string                 // what the reference or the file holds
	reasons []int                  // why what the layer sets is not known
}

// Why a text that could be read counts as unread: helm-controller does not get past it either.
const (
	notYAML     = "is not YAML"
	tooLarge    = "is too large"
	tooMuch     = "not read, because there is too much besides it"
	unmergeable = "can't be merged at its targetPath"
)

// readLayers finds out what references and spec.values set.
func (r *Release) readLayers(ctx context.Context, hr *helmv2.HelmRelease, o Options) {
	from := references{reader: o.Reader, create: o.Create, objects: map[Reference]object{}, left: maxSize}
	if hr.Spec.Values != nil && len(hr.Spec.ValuesFrom) > 0 {
		from.left -= nodeSize * nodes(string(hr.Spec.Values.Raw))
	}
	for i, ref := range hr.Spec.ValuesFrom {
		at := Origin{Kind: ref.Kind, Namespace: hr.Namespace, Name: ref.Name, Key: ref.GetValuesKey(), Index: i}
		if from.left < 0 { // anything may come of what follows; to tell apart what does would cost the square of its number
			l := layer{origin: at}
			r.unread(&l, tooMuch)
			r.layers = append(r.layers, l)
			break
		}
		l := layer{origin: at, ref: ref}
		switch found, unread := from.read(ctx, &l); {
		case found:
			r.parse(&l)
		case unread != "":
			r.unread(&l, unread)
		default: // it is optional, and sets nothing
			continue
		}
		r.layers = append(r.layers, l)
	}
	r.layers = append(r.layers, layer{tree: r.mark(decode(hr))})
}

// decode reads spec.values. The API server admits any JSON there, so it may be no map.
func decode(hr *helmv2.HelmRelease) (values any) {
	if hr.Spec.Values != nil {
		_ = json.Unmarshal(hr.Spec.Values.Raw, &values) // it came as JSON
	}
	if values == nil {
		return map[string]any{}
	}
	return values
}

// set puts a text at a path, as helm-controller does.
func (l *layer) set(values map[string]any, path, text string) error {
	if l.ref.Literal {
		return chartutil.ReplacePathLiteralValue(values, path, text)
	}
	return chartutil.ReplacePathValue(values, path, text)
}

// at is what a text at a path makes of empty values, where it may set other paths after a comma; nothing if it can't be there.
func (l *layer) at(path, text string) map[string]any {
	tree := map[string]any{}
	_ = l.set(tree, path, text)
	return tree
}

// parse finds out what a text sets. Where a variable keeps it from being read, it may stand for all of it.
func (r *Release) parse(l *layer) {
	unread := ""
	if l.ref.TargetPath != "" {
		l.tree = l.at(l.ref.TargetPath, l.text)
	} else {
		var tree map[string]any
		if tree, unread = readValues(l.text); unread == "" {
			l.tree = r.mark(tree)
			return
		}
	}
	if reasons := r.reasons(l.text); reasons != nil {
		l.hide(reasons...)
	} else if unread != "" {
		r.unread(l, unread)
	}
}

// unread notes why what a layer sets is not known.
func (r *Release) unread(l *layer, reason string) {
	of := l.origin
	l.hide(r.because(Reference{Kind: of.Kind, Namespace: of.Namespace, Name: of.Name, Key: of.Key, Reason: reason, Chart: of.Kind == KindFile}))
}

// hide has a layer set what nobody knows: anything, or, with a targetPath, something there.
func (l *layer) hide(reasons ...int) {
	l.reasons, l.tree = reasons, certainty.Open{Reasons: reasons}
	if l.ref.TargetPath != "" {
		path, _, _ := strings.Cut(l.ref.TargetPath, "[") // no rule tells the positions of a list apart that may hold anything
		l.tree = l.at(path, "x")
	}
}

// mark puts certainty.Unknown in the place of each scalar that holds a variable that is not known. A key that holds one may be
// any. It writes into the node.
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
		for i, entry := range node {
			node[i] = r.mark(entry)
		}
	case map[string]any:
		var reasons []int
		for _, key := range slices.Sorted(maps.Keys(node)) { // so that reasons have the same order each time
			if in := r.reasons(key); in != nil {
				reasons = certainty.Union(reasons, in)
				delete(node, key)
			} else {
				node[key] = r.mark(node[key])
			}
		}
		if reasons != nil {
			return certainty.Open{Known: node, Reasons: reasons}
		}
	}
	return node
}

// reasons are the variables in a text that are not known; nil if there are none.
func (r *Release) reasons(text string) (reasons []int) {
	if r.variables == nil {
		return nil
	}
	for _, ref := range r.variables(text) {
		reasons = certainty.Union(reasons, []int{r.because(ref)})
	}
	return reasons
}

// because notes what is not known, and why, and returns it as a reason: its index.
func (r *Release) because(of Reference) int {
	i := slices.Index(r.unknown, of)
	if i < 0 {
		i = len(r.unknown)
		r.unknown = append(r.unknown, of)
	}
	return i
}
