package release

import (
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
)

const typical = `
grafanaDashboard: {enabled: true}
serviceMonitor: {enabled: true}
service: {registry: {hostPort: 29999}}
spegel:
  containerdSock: /run/containerd/containerd.sock
  containerdRegistryConfigPath: /etc/cri/conf.d/hosts
  prependExisting: true
  mirroredRegistries: [https://docker.io, https://ghcr.io, https://quay.io, https://mcr.microsoft.com, https://registry.k8s.io]
`

// Each benchmark is one review without its reads: what is read is answered from memory.
func BenchmarkResolveAndEvaluate(b *testing.B) {
	large := "spegel: {mirroredRegistries: [https://docker.io]}\nlarge:\n"
	large += strings.Repeat("  - key: a value of some length in a list of many\n", ((1<<20)-len(large))/50)
	c := newCluster(
		configMap("typical", values(typical)), configMap("large", values(large)), configMap("set", values("https://docker.io")),
		configMap("dead", values("spegel: {registries: [https://docker.io]}")), secret("typical", values(typical)),
	)
	const dead = "spegel: {registries: [https://docker.io, https://ghcr.io]}"
	for _, bc := range []struct {
		name, inline string
		refs         []helmv2.ValuesReference
	}{
		{"inline", typical, nil},
		{"inline, denied", dead, nil},
		{"one ConfigMap", "", refs(from("ConfigMap", "typical"))},
		{"one ConfigMap, denied", "", refs(from("ConfigMap", "dead"))},
		{"one Secret, denied", dead, refs(from("Secret", "typical"))},
		{"one targetPath", typical, refs(target(from("ConfigMap", "set"), "spegel.mirroredRegistries[0]"))},
		{"one unread Secret", typical, refs(from("Secret", "gone"))},
		{"one unread Secret, denied", dead, refs(from("Secret", "gone"))},
		{"one unread Secret with a targetPath, denied", dead, refs(target(from("Secret", "gone"), "other"))},
		{"two unread Secrets with a targetPath, denied", dead, refs(target(from("Secret", "gone"), "other"), target(from("Secret", "gone2"), "other"))},
		{"a ConfigMap of 1 MiB", "", refs(from("ConfigMap", "large"))},
		{"a ConfigMap of 1 MiB, denied", dead, refs(from("ConfigMap", "large"))},
		{"a ConfigMap of 1 MiB and an unread Secret, denied", dead, refs(from("ConfigMap", "large"), from("Secret", "gone"))},
	} {
		b.Run(bc.name, func(b *testing.B) {
			hr := helmRelease(b, bc.inline, bc.refs...)
			policy := privatePolicy(b, "harbor.example.com")
			b.ReportAllocs()
			for b.Loop() {
				resolve(b, hr, c).Evaluate(policy)
			}
		})
	}
}

func BenchmarkResolveAnotherChart(b *testing.B) {
	hr := helmRelease(b, typical, from("ConfigMap", "typical"))
	hr.Spec.Chart.Spec.Chart = "podinfo"
	b.ReportAllocs()
	for b.Loop() {
		if Resolve(b.Context(), hr, Options{Charts: []string{"spegel"}, Reader: newCluster()}) != nil {
			b.Fatal("Spegel's")
		}
	}
}
