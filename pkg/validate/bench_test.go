package validate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func BenchmarkValidate(b *testing.B) {
	policy := validate.Policy{PrivateRegistries: registries(b, "registry.example.ts.net", "harbor.example.com:8443", "*.internal.example.com")}
	spegel := func(list any) map[string]any { return map[string]any{"mirroredRegistries": list} }
	big := map[string]any{"spegel": spegel([]any{"https://docker.io"})}
	for i := range 1 << 10 {
		big[fmt.Sprintf("key%04d", i)] = map[string]any{"text": strings.Repeat("x", 1<<10)}
	}
	entries := make([]any, 0, 10_000)
	for i := range cap(entries) {
		entries = append(entries, fmt.Sprintf("https://registry-%d.example.org", i))
	}
	private := make([]any, 0, len(entries))
	for i := range cap(private) {
		private = append(private, fmt.Sprintf("registry-%d.internal.example.com/", i))
	}
	for _, c := range []struct {
		name     string
		values   any
		findings int
	}{
		{"a typical release", map[string]any{
			"service": map[string]any{"registry": map[string]any{"hostPort": 29999.0}},
			"spegel": map[string]any{
				"containerdRegistryConfigPath": "/etc/cri/conf.d/hosts", "prependExisting": true,
				"mirroredRegistries": []any{"https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io"},
			},
		}, 0},
		{"the incident", decode(b, "spegel: {registries: [https://docker.io, https://ghcr.io]}"), 2},
		{"values of 1 MiB", big, 0},
		{"an entry of 1 MiB", map[string]any{"spegel": spegel([]any{strings.Repeat("docker.io,", 1<<20/10)})}, 1},
		{"10000 entries", map[string]any{"spegel": spegel(entries)}, 0},
		{"10000 private and malformed entries", map[string]any{"spegel": spegel(private)}, 2_000},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if found, _ := validate.Validate(validate.Input{Values: c.values, ChartVersion: "0.7.4"}, policy); len(found) != c.findings {
					b.Fatalf("%d findings, want %d", len(found), c.findings)
				}
			}
		})
	}
}
