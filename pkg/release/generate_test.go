package release

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	corev1 "k8s.io/api/core/v1"
)

// generator makes releases and what they refer to. All of it is about few paths, so that the parts of a
// case meet each other.
type generator struct {
	*rand.Rand

	least int // references
	// The others are chances of a hundred.
	inline            int // there are inline values
	targetPath, last  int // a reference has a targetPath; so has the last one
	top, aside        int // a path is spegel; it is one that no rule reads
	comma, scalar     int // a value at a targetPath sets other paths too; spegel is no map
	optional, missing int // a reference is optional; it is not there
}

func newGenerator(seed uint64) generator {
	return generator{
		Rand: rand.New(rand.NewPCG(seed, 0)), inline: 85, targetPath: 50, last: 50, top: 10, aside: 10, comma: 35, scalar: 12, optional: 25, missing: 4,
	}
}

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func one[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) entry() any {
	return one[any](g, "https://docker.io", "https://ghcr.io", "https://harbor.example.com", "harbor.example.com",
		"*", "_default", "https://quay.io/", "x", 5, nil, true, map[string]any{"a": "x"}, []any{"x"})
}

func (g generator) list() any {
	out := []any{}
	for range g.IntN(4) {
		out = append(out, g.entry())
	}
	return out
}

func (g generator) mirrorList() any {
	switch n := g.IntN(12); {
	case n < 6:
		return g.list()
	case n < 8:
		return g.tree(g.entry, "a", "b", "c")
	default:
		return one[any](g, nil, "", "x", "https://docker.io", 0, true)
	}
}

func (g generator) any() any {
	return one[any](g, nil, "x", 1, false, []any{"x"}, []any{}, map[string]any{}, map[string]any{"a": nil})
}

// tree is a map with some of the keys.
func (g generator) tree(value func() any, keys ...string) any {
	out := map[string]any{}
	for _, key := range keys {
		if g.chance(45) {
			out[key] = value()
		}
	}
	return out
}

func (g generator) spegel() any {
	if g.chance(g.scalar) {
		return one[any](g, nil, "x", 1, []any{"x"})
	}
	out := g.tree(g.any, "registries", "appendMirrors", "mirrorRegistries", "resolveTags").(map[string]any)
	if g.chance(60) {
		out["mirroredRegistries"] = g.mirrorList()
	}
	return out
}

func (g generator) values() map[string]any {
	out := g.tree(g.any, "registries", "other").(map[string]any)
	if g.chance(80) {
		out["spegel"] = g.spegel()
	}
	return out
}

func (g generator) path() string {
	switch {
	case g.chance(g.top):
		return "spegel"
	case g.chance(g.aside):
		return "other"
	}
	return one(g, "spegel.registries", "spegel.registries", "spegel.mirroredRegistries", "spegel.mirroredRegistries",
		"spegel.mirroredRegistries", "spegel.mirroredRegistries[0]", "spegel.mirroredRegistries[1]", "spegel.mirroredRegistries[3]", "spegel.mirroredRegistries.a",
		"spegel.mirroredRegistries[0].a", "spegel.mirroredRegistries[1][0]", "spegel.appendMirrors", "spegel.other", "registries",
		"registries[0]", "other", "other.a", `spegel.mirrored\Registries`, `spegel\.registries`)
}

// set is a value as helm --set reads it; now and then it sets other paths too.
func (g generator) set() string {
	var b strings.Builder
	for {
		if g.chance(30) {
			var list []string
			for range 1 + g.IntN(3) {
				list = append(list, g.setScalar())
			}
			b.WriteString("{" + strings.Join(list, ",") + "}")
		} else {
			b.WriteString(g.setScalar())
		}
		if !g.chance(g.comma) {
			return b.String()
		}
		b.WriteString("," + g.path() + "=")
	}
}

func (g generator) setScalar() string {
	return one(g, "x", "null", "", "0", "true", "*", "_default", "https://docker.io", "https://ghcr.io", "https://harbor.example.com", `a\,b`)
}

func (g generator) content(path string) string {
	switch {
	case g.chance(3):
		return one(g, "{", "- a", "a: b: c", "x", "'", "null", "")
	case path == "":
		return asJSON(g.values())
	case g.chance(10):
		return one(g, "'", `"`)[:1] + g.set() + one(g, "'", `"`)
	default:
		return g.set()
	}
}

// scenario is a release with objects a to d.
type scenario struct {
	hr      *helmv2.HelmRelease
	cluster *cluster
}

// scenario has up to so many references.
func (g generator) scenario(t testing.TB, maxRefs int) scenario {
	t.Helper()
	s := scenario{cluster: newCluster()}
	inline := ""
	if g.chance(g.inline) {
		inline = asJSON(g.values())
	}
	var refs []helmv2.ValuesReference
	n := g.least + g.IntN(maxRefs+1-g.least)
	for i := range n {
		ref := helmv2.ValuesReference{
			Kind: one(g, "ConfigMap", "Secret"), Name: one(g, "a", "b", "c", "d"), ValuesKey: one(g, "", "", "", "k"),
			Optional: g.chance(g.optional),
		}
		chance := g.targetPath
		if i == n-1 {
			chance = g.last
		}
		if g.chance(chance) {
			ref.TargetPath, ref.Literal = g.path(), g.chance(25)
		}
		refs = append(refs, ref)
		if !g.chance(g.missing) {
			s.put(ref, g.content(ref.TargetPath))
		}
	}
	s.hr = helmRelease(t, inline, refs...)
	return s
}

// put makes a reference hold a text.
func (s scenario) put(ref helmv2.ValuesReference, text string) {
	id := fmt.Sprintf("%s %s/%s", ref.Kind, namespace, ref.Name)
	if ref.Kind == "Secret" {
		obj, ok := s.cluster.objects[id].(*corev1.Secret)
		if !ok {
			obj = secret(ref.Name, nil)
			s.cluster.objects[id] = obj
		}
		obj.Data[ref.GetValuesKey()] = []byte(text)
		return
	}
	obj, ok := s.cluster.objects[id].(*corev1.ConfigMap)
	if !ok {
		obj = configMap(ref.Name, map[string]string{})
		s.cluster.objects[id] = obj
	}
	obj.Data[ref.GetValuesKey()] = text
}

func (s scenario) String() string {
	inline := "none"
	if s.hr.Spec.Values != nil {
		inline = string(s.hr.Spec.Values.Raw)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "inline: %s", inline)
	for _, ref := range s.hr.Spec.ValuesFrom {
		data, err := s.cluster.readData(context.Background(), ref.Kind, ref.Name)
		fmt.Fprintf(&out, "\n%s %s/%s targetPath=%q literal=%t optional=%t: %q %v",
			ref.Kind, ref.Name, ref.GetValuesKey(), ref.TargetPath, ref.Literal, ref.Optional, data[ref.GetValuesKey()], err)
	}
	return out.String()
}
