package celpolicy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// generatedRegistries are the private registries of generated cases.
var generatedRegistries = []string{
	"harbor.example.com", "reg.example.com:8443", "folder.example.com_8443_", "*.internal.example.com", "*.ports.example.com:80", "::1", "127.0.0.1:5000",
	"[2001:db8::1]:5000", "xn--bcher-kva.example",
}

// Generate makes a case out of a seed: a release with inline values of all shapes, and sometimes references. What they
// hold is known to the webhook, which reads them; the CEL policies must never deny what it admits.
func Generate(seed uint64) (Case, error) {
	g := generator{rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // the same seed makes the same case
	spec := map[string]any{}
	name := one(g, "spegel", "spegel", "mirror")
	switch n := g.IntN(100); {
	case n < 50:
		spec["chart"] = map[string]any{"spec": map[string]any{
			"chart": one(g, "spegel", "spegel", "spegel", "./charts/spegel/", "charts/spegel//", "spegel-x", "podinfo", "x/spegel/x", "./spegel//x", "spegel/../x/x",
				".", "./", "..", "charts/spegel/.", "charts/spegel/..", "x/../spegel", "spegel/../podinfo", "charts/spegel/0.7.4", "charts/spegel-0.7.4.tgz",
				"charts/spegel-operator-1.0.0.tgz", "charts/spegel-0.7.4", "charts/latest.tgz", "charts/Spegel", "..."),
			"version":   one(g, "0.7.4", "v0.0.30", "0.1.0-rc1", "0.1.0-rc.1", "0.0.30-rc.1", "0.5.0-rc.1", "0.1.x", "*"),
			"sourceRef": map[string]any{"kind": one(g, "HelmRepository", "GitRepository", "Bucket"), "name": one(g, "x", "x", "x", "truecharts")},
		}}
	case n < 65:
		ref := map[string]any{}
		for _, r := range [][]string{{"tag", "0.7.4", "v0.0.30"}, {"semver", "0.x", "0.0.30", ""}, {"digest", "sha256:0", ""}} {
			if g.chance(30) {
				ref[r[0]] = one(g, r[1:]...)
			}
		}
		spec["chart"] = map[string]any{"kind": "OCIRepository", "spec": map[string]any{
			"url": one(g, "oci://ghcr.io/spegel-org/helm-charts/spegel", "oci://ghcr.io/spegel-org/helm-charts/spegel", "oci://x/spegel/", "oci://x/spegel-0.7.4.tgz",
				"oci://x/y/..", "oci://x/podinfo", "oci://x/truecharts/spegel", "oci://spegel", "oci:///spegel", "oci://"),
			"ref": ref,
		}}
	default:
		spec["chartRef"] = map[string]any{"kind": "OCIRepository", "name": one(g, "spegel", "mirror", "truecharts-spegel")}
	}
	if g.chance(10) {
		spec["suspend"] = true
	}
	if g.chance(10) {
		spec["releaseName"] = "spegel"
	}
	if g.chance(90) {
		spec["values"] = g.values()
	}
	objects := texts{}
	if g.chance(40) {
		spec["valuesFrom"] = g.references(objects)
	}
	c := Case{Name: fmt.Sprint("generated/", seed), Release: helmRelease(name, spec), PrivateRegistries: generatedRegistries}
	err := c.judge(objects)
	return c, err
}

// texts are ConfigMaps by name.
type texts map[string]string

// Get implements release.Reader.
func (t texts) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if cm, ok := obj.(*corev1.ConfigMap); ok {
		if text, ok := t[key.Name]; ok {
			cm.Data = map[string]string{"values.yaml": text}
			return nil
		}
		return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
	}
	return errors.New("not read")
}

type generator struct{ *rand.Rand }

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func one[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) values() any {
	if g.chance(8) {
		return one[any](g, "x", "", []any{}, []any{"spegel"}, int64(5), 1.5, true, map[string]any{})
	}
	values := map[string]any{}
	g.maybe(values, 8, "registries", "mirroredRegistries", "Mirror-Registry", "other")
	if g.chance(90) {
		values["spegel"] = g.spegel()
	}
	return values
}

func (g generator) spegel() any {
	if g.chance(10) {
		return one[any](g, nil, "x", []any{}, int64(1), false)
	}
	spegel := map[string]any{}
	g.maybe(spegel, 8, "registries", "appendMirrors", "additionalMirrorRegistries", "mirror_registries", "resolveTags", "resolveLatestTag", "prependExisting")
	if g.chance(8) {
		spegel["additionalMirrorTargets"] = g.list()
	}
	if g.chance(8) {
		spegel["registries"] = g.list()
	}
	if g.chance(8) {
		spegel["containerdMirrorAdd"] = one[any](g, nil, "", "false", false, true, int64(0), 0.0, int64(1), []any{}, map[string]any{})
	}
	if g.chance(5) {
		spegel["spegel"] = g.spegel()
	}
	if g.chance(85) {
		spegel["mirroredRegistries"] = g.list()
	}
	return spegel
}

// maybe sets some of the keys.
func (g generator) maybe(m map[string]any, percent int, keys ...string) {
	for _, key := range keys {
		if g.chance(percent) {
			m[key] = one[any](g, nil, "x", int64(1), false, []any{}, map[string]any{"a": nil})
		}
	}
}

func (g generator) list() any {
	if g.chance(20) {
		return one[any](g, nil, "", "x", "https://docker.io", int64(0), int64(7), 0.0, 2.5, false, true, map[string]any{}, map[string]any{"a": "*"})
	}
	list := []any{}
	for range g.IntN(4) {
		list = append(list, g.entry())
	}
	return list
}

func (g generator) entry() any {
	switch n := g.IntN(20); {
	case n == 0:
		return one[any](g, nil, int64(1), 1.5, true, map[string]any{"a": "*"}, []any{"https://docker.io"}, "", " ")
	case n < 3:
		return one[any](g, "*", "_default")
	case n < 12:
		return one(g, "https://", "http://") + one(g, "docker.io", "ghcr.io", "registry.k8s.io", "localhost:5000", "internal.example.com")
	}
	// most of it is as it should be, so that a single oddity decides
	return one(g, "https://", "https://", "http://", "http://", "HTTPS://", "", "//", "https:/", "https:", "ftp://", `https:\\`) +
		one(g, "", "", "", "", "", "", "user@", "a:b@") +
		one(g, "docker.io", "ghcr.io", "docker.io", "Harbor.Example.com", "harbor.example.com", "harbor.example.com.", "reg.example.com", "reg.example.com_8443_", "folder.example.com", "index.docker.io", ".", "..", "-", ".x.internal.example.com",
			"a.internal.example.com", "a.b.internal.example.com..", "internal.example.com", "x.ports.example.com", "y,x.ports.example.com", "[::1]", "[0:0::1]",
			"[2001:DB8::1]", "[fe80::1%25eth0]", "127.0.0.1", "_default", "*", "", "xn--bcher-kva.example", "bücher.example", "a b", "harbor.example.com,x", "%41.example.com") +
		one(g, "", "", "", "", ":443", ":80", ":8443", ":08443", ":5000", ":", ":x", ":1:2") +
		one(g, "", "", "", "", "", "/", "/v2") +
		one(g, "", "", "", "", "", "", "", "?", "?a=b", "?;", "?&", "?%zz", "?a;b", "?a=%41") +
		one(g, "", "", "", "", "", "", "", "#", "#x", "\n", "\t")
}

// references are those of a release; some of what they name is there.
func (g generator) references(objects texts) []any {
	var refs []any
	for range 1 + g.IntN(2) {
		name := "spegel-values-" + one(g, "a", "b", "c") // as in the other end-to-end tests, which list what the webhook may read
		ref := map[string]any{"kind": "ConfigMap", "name": name}
		if g.chance(20) {
			ref["targetPath"] = one(g, "other", "spegel.mirroredRegistries", "spegel.mirroredRegistries[0]", "spegel", "spegel.registries")
		}
		refs = append(refs, ref)
		if g.chance(80) {
			objects[name] = one(g, "{}", "spegel: {mirroredRegistries: [https://docker.io]}", "spegel: {mirroredRegistries: {a: https://docker.io}}",
				"spegel: null", "spegel: x", "spegel: {registries: [x]}", "spegel: {mirroredRegistries: []}", "https://docker.io", "null",
				strings.Repeat(" ", 3), "- a", "spegel: {mirroredRegistries: ['*']}", "{https://docker.io}")
		}
	}
	return refs
}
