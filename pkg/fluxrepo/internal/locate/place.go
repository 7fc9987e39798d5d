package locate

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/judge"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// Object is the place of an object, or the file of what makes it.
func (f *Finder) Object(o *fluxgraph.Object) Place {
	file, node := f.graph.Document(o)
	return nearest(file, node, nil)
}

// entry is what an entry of spec.valuesFrom sets at a path.
func entry(r *judge.Release, index int, path []any) Target {
	ref := r.HelmRelease.Spec.ValuesFrom[index]
	t := Target{Release: r.Object, Key: ref.GetValuesKey(), Path: path, Named: []any{"spec", "valuesFrom", index}}
	if ref.TargetPath != "" {
		t.Path = nil
	}
	if at := slices.IndexFunc(r.Read, func(o *fluxgraph.Object) bool { return o.Kind == ref.Kind && o.Name == ref.Name }); at >= 0 {
		t.Holder = r.Read[at]
	}
	return t
}

// Finding is the place of the text that a finding is about or, where that is not set, of the nearest key that is: in
// spec.values, or in a ConfigMap that has more of it.
func (f *Finder) Finding(r *judge.Release, of release.Finding) Place {
	inValues := []any{"spec", "values"}
	t := Target{Release: r.Object, Holder: r.Object, Path: append(inValues, of.Path...)}
	deepest := max(f.depth(t)-len(inValues), 0)
	switch {
	case of.Origin.Kind == release.KindFile: // that the chart brings
		docs, _ := f.graph.Tree.Documents(of.Origin.Name)
		p := nearest(of.Origin.Name, append(docs, nil)[0], of.Path)
		p.Approximate = len(docs) == 0 // what is not set can stand nowhere nearer
		return p
	case of.Origin.Kind != "":
		t = entry(r, of.Origin.Index, of.Path)
	case deepest < len(of.Path):
		for i, ref := range slices.Backward(r.HelmRelease.Spec.ValuesFrom) {
			e := entry(r, i, of.Path)
			if ref.Kind != "ConfigMap" || ref.TargetPath != "" || e.Holder == nil {
				continue
			}
			if d := f.depth(e); d > deepest {
				t, deepest = e, d
			}
		}
	}
	return f.Find(t)
}

// Reference is where a release names what could not be read.
func (f *Finder) Reference(r *judge.Release, ref release.Reference) Place {
	otherwise := f.Object(r.Object)
	otherwise.Approximate = true
	if ref.Variable != "" {
		return f.Use(r, ref.Variable, otherwise)
	}
	file, node := f.graph.Document(r.Object)
	if ref.Source || ref.Chart {
		for _, field := range []string{
			cmp.Or(ref.Key, "spec.chartRef"), "spec.chartRef", "spec.chart.spec.valuesFile", "spec.chart.spec.valuesFiles",
			"spec.chart.spec.sourceRef", "spec.chart.spec.url",
		} {
			if n := yamldoc.Child(node, strings.Split(field, ".")...); n != nil {
				return nearest(file, n, nil)
			}
		}
	}
	i := slices.IndexFunc(r.HelmRelease.Spec.ValuesFrom, func(v helmv2.ValuesReference) bool {
		return v.Kind == ref.Kind && v.Name == ref.Name && v.GetValuesKey() == ref.Key
	})
	if items := yamldoc.Items(yamldoc.Child(node, "spec", "valuesFrom")); i >= 0 && i < len(items) {
		return nearest(file, items[i], nil)
	}
	return otherwise
}

// Use is where the text of a variable stands that got into a release, or into what it takes its values from; or else another
// place.
func (f *Finder) Use(r *judge.Release, name string, otherwise Place) Place {
	text := regexp.MustCompile(`\$\$|(\$\{#?` + regexp.QuoteMeta(name) + `\b[^{}\n]*\})`) // two dollar signs are one
	if name == substitute.Sealed {
		text = regexp.MustCompile(`(ENC\[AES256_GCM,[^\]]*\])`)
	}
	o := r.Object
	targets := []Target{{Release: o, Holder: o, Path: []any{"spec"}}}
	for i := range r.HelmRelease.Spec.ValuesFrom {
		if t := entry(r, i, nil); t.Holder != nil {
			targets = append(targets, t)
		}
	}
	for _, t := range targets {
		if p, ok := f.trial(t, text, standing); ok {
			return p
		}
	}
	return otherwise
}
