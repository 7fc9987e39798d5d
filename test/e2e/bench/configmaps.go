package main

import (
	"fmt"
	"strings"
)

// spegelConfigMap holds the values of a release.
const spegelConfigMap = `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "spegel-values"}, "data": {"values.yaml":
"spegel:\n  containerdRegistryConfigPath: /etc/cri/conf.d/hosts\n  mirroredRegistries:\n  - https://docker.io\n  - https://ghcr.io\n  - https://quay.io\n  - https://registry.k8s.io\nservice: {registry: {hostPort: 29999}}\nserviceMonitor: {enabled: true}\n"}}`

// otherConfigMap is another program's, of the same size.
const otherConfigMap = `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "agent-values"}, "data": {"values.yaml":
"agents:\n  containerizedRegistryConfigPath: /etc/agt/conf.d/host\n  remoteRegistries:\n  - https://docker.io\n  - https://ghcr.io\n  - https://quay.io\n  - https://registry.k8s.io\nservice: {registry: {hostPort: 29999}}\nserviceMonitor: {enabled: true}\n"}}`

// releasesOfValues are ten releases of a namespace, of which one takes its values from spegelConfigMap.
func releasesOfValues() string {
	var all strings.Builder
	for i := range 10 {
		chart := "podinfo"
		if i == 5 {
			chart = "spegel"
		}
		fmt.Fprintf(&all, `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: app-%d, namespace: %s}
spec:
  interval: 1h
  chart: {spec: {chart: %[3]s, sourceRef: {kind: HelmRepository, name: %[3]s}}}
  install: {remediation: {retries: 3}}
  upgrade: {remediation: {retries: 3}}
  valuesFrom: [{kind: ConfigMap, name: %[3]s-values}]
---
`, i, values, chart)
	}
	return all.String()
}
