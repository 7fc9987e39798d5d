package fluxrepo

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

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

// unshow is the path in the repository that was shown.
func (in *input) unshow(shown string) string {
	if in.display == "." {
		return shown
	}
	return cmp.Or(strings.TrimPrefix(strings.TrimPrefix(shown, in.display), "/"), ".")
}

func (c *check) at(file string, n *yaml.Node) Place {
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
	if file, node := c.graph.Document(o); node != nil {
		return c.at(file, node)
	}
	return Place{File: c.in.show(c.fileOf(o)), Approximate: true}
}

// placeOfFinding is the place of the text that a finding is about or, where that is not set, of the nearest key that is.
func (c *check) placeOfFinding(s *subject, f release.Finding) Place {
	t := locate.Target{Release: s.object, Holder: s.object, Path: append([]any{"spec", "values"}, f.Path...)}
	switch {
	case f.Origin.File != "":
		return c.placeInChart(f)
	case f.Origin.Kind != "":
		return c.placeInReference(s, f, t)
	}
	if _, inline := c.finder.Value(t); !inline {
		if p, ok := c.placeInAnyReference(s, f, t); ok {
			return p
		}
	}
	if p, ok := c.finder.Find(t); ok {
		return c.shown(p)
	}
	return c.nearest(s.object, t.Path)
}

// placeInChart is the place of a value that the chart brings.
func (c *check) placeInChart(f release.Finding) Place {
	file := c.in.unshow(f.Origin.File)
	docs, _ := c.graph.Tree().Documents(file) // it was read before
	for p := f.Path; len(docs) > 0 && len(p) > 0; p = p[:len(p)-1] {
		if _, n := yamldoc.Reach(docs[0], p); n != nil {
			return c.at(file, n)
		}
	}
	return Place{File: f.Origin.File, Approximate: true}
}

// placeInReference is the place of a value in a ConfigMap or Secret.
func (c *check) placeInReference(s *subject, f release.Finding, t locate.Target) Place {
	t.Holder, _ = s.graph.Find(s.object, f.Origin.Kind, f.Origin.Namespace, f.Origin.Name)
	t.Index, t.Key, t.Path = f.Origin.Index, f.Origin.Key, f.Path
	if f.Origin.Index < len(s.hr.Spec.ValuesFrom) && s.hr.Spec.ValuesFrom[f.Origin.Index].TargetPath != "" {
		t.Path = nil // the value as a whole
	}
	if t.Holder != nil {
		if p, ok := c.finder.Find(t); ok {
			return c.shown(p)
		}
		if p, ok := c.finder.Find(locate.Target{Release: t.Release, Holder: t.Holder, Path: []any{"data", t.Key}}); ok {
			p.Approximate = true
			return c.shown(p)
		}
	}
	p := c.placeOfReference(s, release.Reference{Kind: f.Origin.Kind, Name: f.Origin.Name, Key: f.Origin.Key})
	p.Approximate = true
	return p
}

// placeInAnyReference is the nearest key above what is not set, if a ConfigMap has one that is nearer than those of the
// release itself.
func (c *check) placeInAnyReference(s *subject, f release.Finding, inline locate.Target) (Place, bool) {
	if c.finder.Depth(inline) > 2 {
		return Place{}, false
	}
	for i, ref := range slices.Backward(s.hr.Spec.ValuesFrom) {
		if ref.TargetPath != "" || ref.Kind != "ConfigMap" {
			continue
		}
		t := locate.Target{Release: s.object, Index: i, Key: ref.GetValuesKey(), Path: f.Path}
		if t.Holder, _ = s.graph.Find(s.object, ref.Kind, s.object.Namespace, ref.Name); t.Holder == nil {
			continue
		}
		if c.finder.Depth(t) > 0 || c.finder.Depth(inline) < 2 {
			if p, ok := c.finder.Find(t); ok {
				return c.shown(p), true
			}
		}
	}
	return Place{}, false
}

// nearest is the nearest key of the release's own document.
func (c *check) nearest(o *fluxgraph.Object, path []any) Place {
	file, node := c.graph.Document(o)
	if node == nil {
		return c.placeOf(o)
	}
	deep := c.finder.Depth(locate.Target{Release: o, Holder: o, Path: path})
	for path = path[:deep]; len(path) > 0; path = path[:len(path)-1] {
		if key, _ := yamldoc.Reach(node, path); key != nil {
			p := c.at(file, key)
			p.Approximate = len(path) < deep
			return p
		}
	}
	return c.placeOf(o)
}

// placeOfReference is where a HelmRelease names what could not be read: with its key, or else with any.
func (c *check) placeOfReference(s *subject, ref release.Reference) Place {
	if name, unknown := s.named[ref]; unknown {
		return c.placeOfVariable(s, name)
	}
	file, node := c.graph.Document(s.object)
	if node == nil {
		return c.placeOf(s.object)
	}
	if p, ok := c.placeOfSource(file, node, ref); ok {
		return p
	}
	var near *yaml.Node
	for _, item := range yamldoc.Items(yamldoc.Child(node, "spec", "valuesFrom")) {
		name := yamldoc.Text(item, "name")
		if yamldoc.Text(item, "kind") != ref.Kind || name != ref.Name && (name == "" || !strings.Contains(ref.Name, name) && !strings.Contains(name, "${")) {
			continue
		}
		if cmp.Or(yamldoc.Text(item, "valuesKey"), "values.yaml") == ref.Key {
			return c.at(file, item)
		}
		if near == nil {
			near = item
		}
	}
	if near != nil {
		return c.at(file, near)
	}
	p := c.placeOf(s.object)
	p.Approximate = true
	return p
}

// placeOfSource is where a HelmRelease names its chart's source.
func (c *check) placeOfSource(file string, node *yaml.Node, ref release.Reference) (Place, bool) {
	if !ref.Source && !ref.Chart {
		return Place{}, false
	}
	for _, field := range []string{cmp.Or(ref.Key, "spec.chartRef"), "spec.chartRef", "spec.chart.spec.valuesFiles", "spec.chart.spec.sourceRef", "spec.chart.spec.url"} {
		if n := yamldoc.Child(node, strings.Split(field, ".")...); n != nil {
			return c.at(file, n), true
		}
	}
	return Place{}, false
}

// placeOfVariable is where an unknown variable is used.
func (c *check) placeOfVariable(s *subject, name string) Place {
	if p, ok := c.placeOfUse(s, name); ok {
		return p
	}
	p := c.placeOf(s.object)
	p.Approximate = true
	return p
}

var encrypted = regexp.MustCompile(`ENC\[AES256_GCM,[^\]]*\]`)

// placeOfUse is where the text of a variable stands that got into the release, or into what it takes its values from.
func (c *check) placeOfUse(s *subject, name string) (Place, bool) {
	text := encrypted
	if name != substitute.Sealed {
		text = regexp.MustCompile(`\$\{#?` + regexp.QuoteMeta(name) + `\b[^{}\n]*\}`)
	}
	find := func(data []byte) [][]int {
		return slices.DeleteFunc(text.FindAllIndex(data, -1), func(at []int) bool { return escaped(data[:at[0]]) })
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

// escaped reports whether a dollar sign after a text stands for itself, as every second of several does.
func escaped(before []byte) bool {
	n := 0
	for n < len(before) && before[len(before)-1-n] == '$' {
		n++
	}
	return n%2 == 1
}
