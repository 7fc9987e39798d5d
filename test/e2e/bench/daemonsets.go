package main

// spegelDaemonSet is what the chart makes of a release, as far as the policies look at it.
const spegelDaemonSet = `{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "spegel"},
"spec": {"selector": {"matchLabels": {"app": "spegel"}}, "template": {"metadata": {"labels": {"app": "spegel"}}, "spec": {
"initContainers": [{"name": "configuration", "image": "ghcr.io/spegel-org/spegel:v0.7.4",
"args": ["configuration", "--log-level=INFO", "--containerd-registry-config-path=/etc/cri/conf.d/hosts", "--mirrored-registries",
"https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io",
"--mirror-targets", "http://$(NODE_IP):29999", "--resolve-tags=true", "--prepend-existing=false"],
"env": [{"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]}],
"containers": [{"name": "registry", "image": "ghcr.io/spegel-org/spegel:v0.7.4",
"args": ["registry", "--log-level=INFO", "--mirrored-registries", "https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io",
"--registry-addr=:5000", "--router-addr=:5001", "--metrics-addr=:9090"]}]}}}}`

// otherDaemonSet is another program's, of about the same size.
const otherDaemonSet = `{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"},
"spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {
"initContainers": [{"name": "prepare", "image": "ghcr.io/example/agent:v0.7.4",
"args": ["prepare", "--log-level=INFO", "--config-path=/etc/agent/conf.d/hosts", "--remote-endpoints",
"https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io",
"--listen-address", "http://$(NODE_IP):29999", "--resolve-names=true", "--keep-existing=false"],
"env": [{"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]}],
"containers": [{"name": "agent", "image": "ghcr.io/example/agent:v0.7.4",
"args": ["collect", "--log-level=INFO", "--remote-endpoints", "https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io",
"--listen-addr=:5000", "--collect-addr=:5001", "--metrics-addr=:9090"]}]}}}}`
