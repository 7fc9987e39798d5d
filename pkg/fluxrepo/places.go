package fluxrepo

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/locate"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

func (c *check) shown(p locate.Place) Place {
	return Place{File: c.in.show(p.File), Line: p.Line, Column: p.Column, Approximate: p.Approximate}
}

// at is the place of a node; without one, somewhere in the file.
func (c *check) at(file string, n *yaml.Node) Place {
	if n == nil {
		return Place{File: c.in.show(file), Approximate: true}
	}
	return Place{File: c.in.show(file), Line: n.Line, Column: n.Column}
}

// fileOf is the file that an object stands in, or else that of the Kustomization that makes it.
func (c *check) fileOf(o *fluxgraph.Object) string {
	file, _ := c.graph.Document(o)
	if file == "" && o.By != nil {
		file = o.By.File
	}
	return file
}

func (c *check) placeOf(o *fluxgraph.Object) Place {
	_, node := c.graph.Document(o)
	return c.at(c.fileOf(o), node)
}

// nearly is the place of a release in place of one that was not found.
func (c *check) nearly(s *subject) Place {
	p := c.placeOf(s.object)
	p.Approximate = true
	return p
}

// placeOfFinding is the place of the text that a finding is about or, where that is not set, of the nearest key that is.
func (c *check) placeOfFinding(s *subject, f release.Finding) Place {
	if f.Origin.File != "" {
		return c.placeInChart(f)
	}
	inline := locate.Target{Release: s.object, Holder: s.object, Path: append([]any{"spec", "values"}, f.Path...)}
	targets := []locate.Target{inline}
	for i, ref := range slices.Backward(s.hr.Spec.ValuesFrom) {
		if o := f.Origin; o.Kind != "" && i != o.Index || o.Kind == "" && (ref.Kind != "ConfigMap" || ref.TargetPath != "") {
			continue
		}
		t := locate.Target{Release: s.object, Index: i, Key: ref.GetValuesKey(), Path: f.Path}
		if ref.TargetPath != "" {
			t.Path = nil // the value as a whole
		}
		if t.Holder, _ = s.graph.Find(s.object, ref.Kind, s.object.Namespace, ref.Name); t.Holder != nil {
			targets = append(targets, t)
		}
	}
	switch _, set := c.finder.Value(inline); {
	case f.Origin.Kind != "":
		targets = targets[1:]
	case set:
		targets = targets[:1]
	}
	deep := func(t locate.Target) int { // in the values
		if t.Holder == s.object {
			return c.finder.Depth(t) - 2
		}
		return c.finder.Depth(t)
	}
	slices.SortStableFunc(targets, func(a, b locate.Target) int { return cmp.Compare(deep(b), deep(a)) })
	for _, t := range targets {
		if p, ok := c.finder.Find(t); ok {
			return c.shown(p)
		}
	}
	if f.Origin.Kind == "" {
		file, node := c.graph.Document(s.object)
		return c.nearest(file, node, inline.Path[:c.finder.Depth(inline)])
	}
	p := c.placeOfReference(s, release.Reference{Kind: f.Origin.Kind, Name: f.Origin.Name, Key: f.Origin.Key})
	p.Approximate = true
	return p
}

// placeInChart is the place of a value that the chart brings.
func (c *check) placeInChart(f release.Finding) Place {
	file := c.in.unshow(f.Origin.File)
	docs, err := c.graph.Tree().Documents(file)
	if err != nil || len(docs) == 0 {
		return c.at(file, nil)
	}
	p := c.nearest(file, docs[0], f.Path)
	p.Approximate = false // what is not set can stand nowhere nearer
	return p
}

// nearest is the place of the last key of a path that a document has.
func (c *check) nearest(file string, doc *yaml.Node, path []any) Place {
	for n := len(path); n >= 0; n-- {
		if key, _ := yamldoc.Reach(doc, path[:n]); key != nil {
			p := c.at(file, key)
			p.Approximate = n < len(path)
			return p
		}
	}
	return c.at(file, nil)
}

// placeOfReference is where a HelmRelease names what could not be read.
func (c *check) placeOfReference(s *subject, ref release.Reference) Place {
	if name, unknown := s.named[ref]; unknown {
		if p, ok := c.placeOfUse(s, name); ok {
			return p
		}
		return c.nearly(s)
	}
	file, node := c.graph.Document(s.object)
	if ref.Source || ref.Chart {
		for _, field := range []string{cmp.Or(ref.Key, "spec.chartRef"), "spec.chartRef", "spec.chart.spec.valuesFiles", "spec.chart.spec.sourceRef", "spec.chart.spec.url"} {
			if n := yamldoc.Child(node, strings.Split(field, ".")...); n != nil {
				return c.at(file, n)
			}
		}
	}
	i := slices.IndexFunc(s.hr.Spec.ValuesFrom, func(v helmv2.ValuesReference) bool {
		return v.Kind == ref.Kind && v.Name == ref.Name && v.GetValuesKey() == ref.Key
	})
	if items := yamldoc.Items(yamldoc.Child(node, "spec", "valuesFrom")); i >= 0 && i < len(items) {
		return c.at(file, items[i])
	}
	return c.nearly(s)
}

// placeOfUse is where the text of a variable stands that got into the release, or into what it takes its values from.
func (c *check) placeOfUse(s *subject, name string) (Place, bool) {
	text := regexp.MustCompile(`\$\$|(\$\{#?` + regexp.QuoteMeta(name) + `\b[^{}\n]*\})`) // two dollar signs are one
	if name == substitute.Sealed {
		text = regexp.MustCompile(`(ENC\[AES256_GCM,[^\]]*\])`)
	}
	find := func(data []byte) (out [][]int) {
		for _, m := range text.FindAllSubmatchIndex(data, -1) {
			if m[2] >= 0 {
				out = append(out, m[2:4])
			}
		}
		return out
	}
	targets := []locate.Target{
		{Release: s.object, Holder: s.object, Path: []any{"spec", "values", "spegel"}},
		{Release: s.object, Holder: s.object, Path: []any{"spec"}},
	}
	for i, ref := range s.hr.Spec.ValuesFrom {
		if holder, _ := s.graph.Find(s.object, ref.Kind, s.object.Namespace, ref.Name); holder != nil {
			targets = append(targets, locate.Target{Release: s.object, Holder: holder, Index: i, Key: ref.GetValuesKey()})
		}
	}
	for _, t := range targets {
		if p, ok := c.finder.Expression(t, find); ok {
			return c.shown(p), true
		}
	}
	return Place{}, false
}
