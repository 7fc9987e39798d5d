package rollout_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

const certs = "/etc/containerd/certs.d"

// The arguments are as the chart's template writes them in the versions named.
func TestConfigurationOfEachChart(t *testing.T) {
	t.Parallel()
	nodePort := []string{"http://$(NODE_IP):30020"}
	tests := map[string]struct {
		init, main []string
		want       rollout.Configuration
		everything bool
	}{
		"v0.0.18, with the chart's default list": {
			init: []string{
				"configuration", "--containerd-registry-config-path=" + certs, "--registries", "https://docker.io", "https://ghcr.io",
				"--mirror-registries", "http://$(NODE_IP):30020", "http://$(NODE_IP):30021", "--resolve-tags=true",
			},
			main: []string{"registry", "--router-addr=:5001", "--registries", "https://docker.io", "https://ghcr.io"},
			want: rollout.Configuration{
				Mirrors: []string{"https://docker.io", "https://ghcr.io"}, HostsDir: certs, Writes: true, BeforeRename: true,
				Targets: []string{"http://$(NODE_IP):30020", "http://$(NODE_IP):30021"},
			},
		},
		"v0.1.0, with a list": {
			init: []string{
				"configuration", "--log-level=INFO", "--containerd-registry-config-path=/etc/cri/conf.d/hosts", "--mirrored-registries", "https://docker.io",
				"--mirror-targets", "http://$(NODE_IP):30020", "--resolve-tags=true", "--prepend-existing=false",
			},
			main: []string{"registry", "--router-addr=:5001", "--mirrored-registries", "https://docker.io"},
			want: rollout.Configuration{Mirrors: []string{"https://docker.io"}, HostsDir: "/etc/cri/conf.d/hosts", Targets: nodePort, Writes: true},
		},
		"v0.7.4, without a list": {
			init: []string{
				"configuration", "--log-level=INFO", "--containerd-registry-config-path=" + certs, "--mirror-targets", "http://$(NODE_IP):30020",
				"--resolve-tags=true", "--prepend-existing=false",
			},
			main:       []string{"registry", "--log-level=INFO", "--router-addr=:5001"},
			want:       rollout.Configuration{HostsDir: certs, Targets: nodePort, Writes: true},
			everything: true,
		},
		"v0.7.4, with a wildcard beside another entry": {
			init:       []string{"configuration", "--mirrored-registries", "_default", "https://docker.io", "--mirror-targets", "http://$(NODE_IP):30020"},
			want:       rollout.Configuration{Mirrors: []string{"_default", "https://docker.io"}, Targets: nodePort, Writes: true},
			everything: true,
		},
		"v0.7.4, containerdMirrorAdd false": {
			main: []string{"registry", "--router-addr=:5001", "--mirrored-registries", "https://docker.io", "--containerd-sock=/run/containerd/containerd.sock"},
			want: rollout.Configuration{Mirrors: []string{"https://docker.io"}},
		},
		"a flag with an equals sign, and more values after it": {
			init: []string{"configuration", "--mirror-targets=http://a", "--mirrored-registries=https://docker.io", "https://ghcr.io"},
			want: rollout.Configuration{Mirrors: []string{"https://docker.io", "https://ghcr.io"}, Targets: []string{"http://a"}, Writes: true},
		},
		"a flag with an equals sign and nothing after it": {
			init: []string{"configuration", "--mirror-targets=http://a", "--mirrored-registries=", "https://docker.io"},
			want: rollout.Configuration{Mirrors: []string{"https://docker.io"}, Targets: []string{"http://a"}, Writes: true},
		},
		"one hyphen": {
			init: []string{"configuration", "-mirror-targets=http://a", "-mirrored-registries", "https://docker.io"},
			want: rollout.Configuration{Mirrors: []string{"https://docker.io"}, Targets: []string{"http://a"}, Writes: true},
		},
		"two hyphens, the value of a flag": {
			init: []string{"configuration", "--mirror-targets=http://a", "--log-level", "--", "--mirrored-registries", "https://docker.io"},
			want: rollout.Configuration{Mirrors: []string{"https://docker.io"}, Targets: []string{"http://a"}, Writes: true},
		},
		"two hyphens after the list": {
			init: []string{"configuration", "--mirror-targets=http://a", "--mirrored-registries", "https://docker.io", "--"},
			want: rollout.Configuration{Mirrors: []string{"https://docker.io"}, Targets: []string{"http://a"}, Writes: true},
		},
		"a flag that is there twice": {
			init: []string{"configuration", "--mirror-targets=http://a", "--mirrored-registries", "https://docker.io", "--mirrored-registries", "https://ghcr.io"},
			want: rollout.Configuration{Mirrors: []string{"https://ghcr.io"}, Targets: []string{"http://a"}, Writes: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ds := daemonSet("spegel", test.init, test.main)
			found, err := rollout.List(t.Context(), reader(t, ds), "")
			if err != nil || len(found) != 1 {
				t.Fatalf("found %+v, %v; want one DaemonSet", found, err)
			}
			if diff := cmp.Diff(test.want, found[0].Configuration); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := found[0].Everything(); got != test.everything {
				t.Errorf("everything is %t", got)
			}
		})
	}
}

func TestOtherDaemonSetsAreNotSpegels(t *testing.T) {
	t.Parallel()
	for name, containers := range map[string][2][]string{
		"a program with a command of the same name": {{"configuration", "--file=x"}, {"registry", "--listen=:5000"}},
		"no arguments":         {nil, nil},
		"a name is not enough": {{"--mirrored-registries", "https://docker.io"}, {"serve"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := rollout.List(t.Context(), reader(t, daemonSet("spegel", containers[0], containers[1])), "")
			if err != nil || len(found) > 0 {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
}

// A post-renderer may move the arguments behind a command.
func TestArgumentsBehindACommand(t *testing.T) {
	t.Parallel()
	ds := daemonSet("spegel", nil, []string{"unused"})
	ds.Spec.Template.Spec.InitContainers = []corev1.Container{{
		Name: "configuration", Command: []string{"/spegel", "configuration"}, Args: []string{"--mirror-targets=http://a", "--mirrored-registries", "https://docker.io"},
	}}
	found, err := rollout.List(t.Context(), reader(t, ds), "")
	if err != nil || len(found) != 1 || !cmp.Equal(found[0].Mirrors, []string{"https://docker.io"}) {
		t.Errorf("found %+v, %v", found, err)
	}
}
