package node_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// pointing is a DaemonSet, with a pod on each node, whose values have another port.
func pointing(target string) []client.Object {
	objects := spegelSet([]string{"https://ghcr.io"}, map[string]string{"node-1": "new"})
	for _, o := range objects {
		var spec *corev1.PodSpec
		switch o := o.(type) {
		case *appsv1.DaemonSet:
			spec = &o.Spec.Template.Spec
		case *corev1.Pod:
			spec = &o.Spec
		default:
			continue
		}
		args := spec.InitContainers[0].Args
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "http://$(NODE_IP):30020", target)
		}
	}
	return objects
}

// By what a mirror is taken for Spegel is told, and a cluster knows best.
func TestByWhatSpegelIsTold(t *testing.T) {
	t.Parallel()
	const ownPort = "http://$(NODE_IP):31444"
	for name, test := range map[string]struct {
		host    string // of the mirror, with its settings
		cluster *node.Cluster
		status  node.Status // of both checks
		says    string      // of mirror-config
	}{
		"the chart's port":             {"[host.'http://192.0.2.11:29999']\n", nil, node.Fail, `"http://192.0.2.11:29999" is taken for Spegel by port 29999, one that its chart publishes`},
		"the node itself":              {"[host.'http://127.0.0.1:5555']\n", nil, node.Fail, "by its address, which is the node itself, and plain HTTP"},
		"its dial_timeout":             {"[host.'http://192.0.2.11:31444']\ndial_timeout = '200ms'\n", nil, node.Fail, "by plain HTTP to an address with Spegel's dial_timeout of 200ms"},
		"another port, and no cluster": {"[host.'http://192.0.2.11:31444']\n", nil, node.Pass, "with 2 entries"},
		"the same, with a cluster": {
			"[host.'http://192.0.2.11:31444']\n", cluster(pointing(ownPort)...), node.Fail, "by port 31444, where DaemonSet kube-system/spegel points containerd",
		},
		"a name, with a cluster":      {"[host.'http://spegel.internal:31444']\n", cluster(pointing(ownPort)...), node.Fail, "by port 31444, where DaemonSet"},
		"a cluster with another port": {"[host.'http://192.0.2.11:31445']\n", cluster(pointing(ownPort)...), node.Pass, "the folders are those of Spegel's list"},
		"left over from before, by its port": {
			"[host.'http://192.0.2.11:30020']\n", cluster(pointing(ownPort)...), node.Fail, `"http://192.0.2.11:30020" is taken for Spegel by port 30020, one that its chart publishes`,
		},
		"the node itself, with a cluster": {"[host.'http://127.0.0.1:5555']\n", cluster(pointing(ownPort)...), node.Pass, "the folders are those of Spegel's list"},
		"another scheme":                  {"[host.'https://192.0.2.11:31444']\n", cluster(pointing(ownPort)...), node.Pass, "the folders are those of Spegel's list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{"etc/hostname": "node-1\n", certs + "ghcr.io/hosts.toml": "", certs + "harbor.example.com/hosts.toml": "server = 'https://harbor.example.com'\n" + test.host}
			results := examine(t, options{
				Files: c.root(t), Cluster: test.cluster, Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/a:1", Dial: nowhere, Lookup: unknown,
			})
			want(t, results["mirror-config"], test.status, test.says)
			resolution := node.Pass
			if test.status == node.Fail {
				resolution = node.Fail
			}
			want(t, results["resolution"], resolution)
		})
	}
}

// The embedded registry mirror of k3s and RKE2 is Spegel too, whatever a cluster has beside it.
func TestEmbeddedSpegel(t *testing.T) {
	t.Parallel()
	file := func(server, host string) string {
		return server + "[host]\n[host.'" + host + "']\ncapabilities = ['pull', 'resolve']\nskip_verify = true\n" +
			"client = [['/" + k3s + "client-k3s-controller.crt', '/" + k3s + "client-k3s-controller.key']]\n"
	}
	const own = k3s + "etc/containerd/certs.d/"
	const server = "server = 'https://harbor.example.com/v2'\n"
	for name, test := range map[string]struct {
		name, text string
		cluster    *node.Cluster
		status     node.Status
	}{
		"for all":                       {"_default", file("", "https://127.0.0.1:6443/v2"), nil, node.Fail},
		"for a private registry":        {"harbor.example.com", file(server, "https://127.0.0.1:6443/v2"), nil, node.Fail},
		"of RKE2":                       {"harbor.example.com", file(server, "https://[::1]:9345/v2"), nil, node.Fail},
		"beside a DaemonSet":            {"_default", file("", "https://127.0.0.1:6443/v2"), cluster(pointing("http://$(NODE_IP):31444")...), node.Fail},
		"for a public registry":         {"ghcr.io", file("server = 'https://ghcr.io/v2'\n", "https://127.0.0.1:6443/v2"), nil, node.Pass},
		"another port of the node":      {"_default", file("", "https://127.0.0.1:5000/v2"), nil, node.Pass},
		"the same port, somewhere else": {"_default", file("", "https://192.0.2.7:6443/v2"), nil, node.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{
				"etc/hostname": "node-1\n", k3s + "etc/containerd/config.toml": listed("/" + own[:len(own)-1]), own + test.name + "/hosts.toml": test.text,
				k3s + "client-k3s-controller.crt": "x", k3s + "client-k3s-controller.key": "x",
			}
			results := examine(t, options{
				Files: c.root(t), Cluster: test.cluster, Registries: registries(t, "harbor.example.com"), Image: "harbor.example.com/a:1", Dial: nowhere, Lookup: unknown,
			})
			want(t, results["resolution"], test.status)
			if test.status == node.Fail {
				want(t, results["mirror-config"], node.Fail, "where k3s and RKE2 serve the one that they have built in", "in /etc/rancher/k3s/registries.yaml")
				if contains(results["mirror-config"].Fix, "HelmRelease") {
					t.Errorf("the fix is that of a chart: %s", results["mirror-config"].Fix)
				}
			} else {
				want(t, results["mirror-config"], test.status)
			}
		})
	}
}
