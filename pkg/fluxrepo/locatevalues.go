package fluxrepo

import (
	"cmp"
	"strings"

	kustomizeapis "github.com/fluxcd/pkg/apis/kustomize"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

type patchText = kustomizeapis.Patch

// inReference finds a node of the values in a ConfigMap or Secret, in the file that it is generated from
// or in its own.
func (l *locator) inReference(kind, ns, name, key string, p validate.Path) (Place, bool) {
	o, _ := l.find(l.o.by, kind, ns, name, l.o.file)
	if o == nil {
		return Place{}, false
	}
	var values any
	if data, err := l.data(o, nil); err != nil || sigsyaml.Unmarshal([]byte(data[key].text), &values) != nil {
		values = nil
	}
	want, set := at(values, p)
	var near *Place
	for _, s := range l.datumSpots(o, key) {
		k, value := reach(s.node, p)
		if k == nil {
			continue
		}
		place := l.variableOr(o, s, k, value, p)
		if set && l.gives(value, want, true) {
			return place, true
		}
		if near == nil { // it was changed on the way
			place.Approximate = true
			near = &place
		}
	}
	if near == nil && values != nil {
		for _, s := range l.datumSpots(o, key) { // for a targetPath, so that the path leads nowhere here
			place := s.place(l.graph, s.node)
			place.Approximate = place.Approximate || !l.equals(s.node, values)
			return place, true
		}
	}
	if near != nil {
		return *near, true
	}
	return Place{}, false
}

// reference is where a HelmRelease names what could not be read: with its key, or else with any.
func (l *locator) reference(ref release.Reference) Place {
	if l.own != nil && ref.Source {
		for _, field := range []string{cmp.Or(ref.Key, "spec.chartRef"), "spec.chart.spec.sourceRef"} {
			n := l.own.node
			for key := range strings.SplitSeq(field, ".") {
				n = child(n, key)
			}
			if n != nil {
				return l.own.place(l.graph, n)
			}
		}
	}
	if l.own != nil {
		var near *yaml.Node
		for _, item := range items(child(child(l.own.node, "spec"), "valuesFrom")) {
			name := text(item, "name")
			if text(item, "kind") != ref.Kind || name != ref.Name && (name == "" || !strings.Contains(ref.Name, name)) {
				continue
			}
			if cmp.Or(text(item, "valuesKey"), "values.yaml") == ref.Key {
				return l.own.place(l.graph, item)
			}
			if near == nil {
				near = item
			}
		}
		if near != nil {
			return l.own.place(l.graph, near)
		}
	}
	p := l.placeOfObject(l.o)
	p.Approximate = true
	return p
}

func oneNode(n *yaml.Node) []*yaml.Node { return []*yaml.Node{n} }

// placeOfKustomization is where a Kustomization names its path.
func (g *graph) placeOfKustomization(n *node) Place {
	for _, s := range g.spots(n.file) {
		name := text(s.node, "metadata", "name")
		if isKind(s.node, fluxGroup, "Kustomization") && (strings.Contains(n.name, name) || n.written(n.name) == name) {
			if k, _ := reach(s.node, []any{"spec", "path"}); k != nil {
				return s.place(g, k)
			}
		}
	}
	return Place{File: g.show(n.file)}
}
