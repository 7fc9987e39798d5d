package main

// privateRegistries are those of the policy and of the CEL policies' parameter.
var privateRegistries = []string{"registry.example.ts.net", "harbor.example.com:8443", "*.internal.example.com"} //nolint:gochecknoglobals // a constant that Go can't have as one

const policy = `apiVersion: spegel-guard.dev/v1alpha1
kind: Policy
privateRegistries: [registry.example.ts.net, "harbor.example.com:8443", "*.internal.example.com"]
`

// spegel is a release with inline values, as people write them for Talos.
const spegel = `{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "spegel"},
"spec": {"interval": "1h", "chart": {"spec": {"chart": "spegel", "version": "0.7.4", "sourceRef": {"kind": "HelmRepository", "name": "spegel"}}},
"install": {"remediation": {"retries": 3}}, "upgrade": {"remediation": {"retries": 3}}, "values": {
"spegel": {"containerdRegistryConfigPath": "/etc/cri/conf.d/hosts",
"mirroredRegistries": ["https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io"]},
"service": {"registry": {"hostPort": 29999}}, "serviceMonitor": {"enabled": true}}}}`

// spegelByReference has its chart in an OCIRepository and its values in a ConfigMap.
const spegelByReference = `{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "spegel"},
"spec": {"interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "spegel"},
"install": {"remediation": {"retries": 3}}, "upgrade": {"remediation": {"retries": 3}},
"valuesFrom": [{"kind": "ConfigMap", "name": "spegel-values"}]}}`

// podinfo is another chart's release, of the same size.
const podinfo = `{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "podinfo"},
"spec": {"interval": "1h", "chart": {"spec": {"chart": "podinfo", "version": "6.9.0", "sourceRef": {"kind": "HelmRepository", "name": "podinfo"}}},
"install": {"remediation": {"retries": 3}}, "upgrade": {"remediation": {"retries": 3}}, "values": {
"ui": {"color": "#34577c", "message": "hello",
"hosts": ["https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io"]},
"service": {"registry": {"hostPort": 29999}}, "serviceMonitor": {"enabled": true}}}}`

// referred are the objects of spegelByReference.
const referred = `apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: spegel, namespace: bench-references}
spec: {interval: 1h, url: oci://ghcr.io/spegel-org/helm-charts/spegel, ref: {tag: 0.7.4}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: spegel-values, namespace: bench-references}
data:
  values.yaml: |
    spegel:
      containerdRegistryConfigPath: /etc/cri/conf.d/hosts
      mirroredRegistries: [https://docker.io, https://ghcr.io, https://quay.io, https://registry.k8s.io]
    service: {registry: {hostPort: 29999}}
    serviceMonitor: {enabled: true}
`
