package locate

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"go.yaml.in/yaml/v3"

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

// Field is the place of a field of an object, or of the nearest key above it.
func (f *Finder) Field(o *fluxgraph.Object, path []any) Place {
	t := Target{Release: o, Holder: o, Path: path}
	if p, ok := f.Find(t); ok {
		return p
	}
	return f.written(t)
}

// written is where the document of an object has the nearest key to what was not found by trial.
func (f *Finder) written(t Target) Place {
	file, node := f.graph.Document(t.Holder)
	depth := f.depth(t)
	p := nearest(file, node, t.Path[:depth])
	p.Approximate = p.Approximate || depth == len(t.Path)
	return p
}

// nearest is the place of the last key of a path that a node has, or of the node; without one, somewhere in the file.
func nearest(file string, doc *yaml.Node, path []any) Place {
	for n := len(path); n >= 0 && doc != nil; n-- {
		if key, value := yamldoc.Reach(doc, path[:n]); key != nil {
			if n > 0 && !isKey(path[:n]) { // an entry stands where its anchor is
				key = value
			}
			return Place{file, key.Line, key.Column, n < len(path)}
		}
	}
	return Place{File: file, Approximate: true}
}

// entry is what an entry of spec.valuesFrom sets at a path, without a holder where that is not in the repository.
func (f *Finder) entry(r *judge.Release, index int, path []any) Target {
	ref := r.HelmRelease.Spec.ValuesFrom[index]
	t := Target{Release: r.Object, Key: ref.GetValuesKey(), Path: path}
	if ref.TargetPath != "" {
		t.Path = nil
	}
	t.Holder, _ = f.graph.Find(r.Object, ref.Kind, r.Object.Namespace, ref.Name)
	return t
}

// Finding is the place of the text that a finding is about or, where that is not set, of the nearest key that is: in
// spec.values, or in a ConfigMap that has more of it.
func (f *Finder) Finding(r *judge.Release, of release.Finding) Place {
	refs, inValues := r.HelmRelease.Spec.ValuesFrom, []any{"spec", "values"}
	inline := Target{Release: r.Object, Holder: r.Object, Path: append(inValues, of.Path...)}
	t, deepest := inline, f.depth(inline)-len(inValues)
	switch {
	case of.Origin.Kind == release.KindFile:
		return f.inChart(of)
	case of.Origin.Kind != "":
		t = f.entry(r, of.Origin.Index, of.Path)
	case deepest < len(of.Path):
		for i, ref := range slices.Backward(refs) {
			e := f.entry(r, i, of.Path)
			if ref.Kind != "ConfigMap" || ref.TargetPath != "" || e.Holder == nil {
				continue
			}
			if d := f.depth(e); d > deepest {
				t, deepest = e, d
			}
		}
	}
	if t.Holder != nil {
		if p, ok := f.Find(t); ok {
			return p
		}
	}
	if of.Origin.Kind == "" {
		return f.written(inline)
	}
	p := f.Reference(r, release.Reference{Kind: of.Origin.Kind, Name: of.Origin.Name, Key: of.Origin.Key})
	p.Approximate = true
	return p
}

// inChart is the place of a value that the chart brings.
func (f *Finder) inChart(of release.Finding) Place {
	docs, err := f.graph.Tree.Documents(of.Origin.Name)
	if err != nil || len(docs) == 0 {
		return nearest(of.Origin.Name, nil, nil)
	}
	p := nearest(of.Origin.Name, docs[0], of.Path)
	p.Approximate = false // what is not set can stand nowhere nearer
	return p
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
	targets := []Target{{Release: o, Holder: o, Path: []any{"spec", "values", "spegel"}}, {Release: o, Holder: o, Path: []any{"spec"}}}
	for i := range r.HelmRelease.Spec.ValuesFrom {
		if t := f.entry(r, i, nil); t.Holder != nil {
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
