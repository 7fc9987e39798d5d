package manifests_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// mountedAt is the volume that is mounted at this directory, whole: files below a subPath never change.
func mountedAt(t *testing.T, in install, directory string) corev1.VolumeSource {
	t.Helper()
	for _, mount := range container(t, in).VolumeMounts {
		if mount.MountPath != directory || mount.SubPath != "" || mount.SubPathExpr != "" {
			continue
		}
		volumes := deployment(t, in).Spec.Template.Spec.Volumes
		for i := range volumes {
			if volumes[i].Name == mount.Name {
				return volumes[i].VolumeSource
			}
		}
	}
	t.Fatalf("no volume is mounted at %s", directory)
	return corev1.VolumeSource{}
}

// address is how the program is told to listen on a port at all addresses.
func address(port int32) string { return fmt.Sprintf(":%d", port) }

// The arguments, and what stands around the container to make them true.
func TestDeploymentFitsProgram(t *testing.T) {
	t.Parallel()
	in := render(t, ".")
	pod := deployment(t, in).Spec.Template.Spec
	config := argument(t, in, "config")
	policy := mountedAt(t, in, path.Dir(config)).ConfigMap
	called := servicePort(t, in, *entry(t, in, failsClosed).ClientConfig.Service.Port, "")
	metrics := servicePort(t, in, 0, "metrics")
	shutdownDelay, err := time.ParseDuration(argument(t, in, "shutdown-delay"))
	if err != nil {
		t.Fatal(err)
	}
	limits := container(t, in).Resources.Limits
	drain := time.Duration(*entry(t, in, failsClosed).TimeoutSeconds) * time.Second

	tests := map[string]struct{ got, want any }{
		"it serves": {container(t, in).Args[0], "serve"},
		"the port that the API server calls is the one that the program listens on": {
			argument(t, in, "webhook-port"), strconv.Itoa(int(containerPort(t, in, called.TargetPort.StrVal))),
		},
		"the Service's metrics port is the one that the program listens on": {
			argument(t, in, "metrics-bind-address"), address(containerPort(t, in, metrics.TargetPort.StrVal)),
		},
		"liveness asks where the program answers": {
			probed(t, in, container(t, in).LivenessProbe), "/healthz " + argument(t, in, "health-probe-bind-address"),
		},
		"readiness asks where the program answers": {
			probed(t, in, container(t, in).ReadinessProbe), "/readyz " + argument(t, in, "health-probe-bind-address"),
		},
		"the policy file is a key of the ConfigMap": {
			slices.Collect(maps.Keys(the[*corev1.ConfigMap](t, in, policy.Name).Data)), []string{path.Base(config)},
		},
		"the account is there, in the namespace of the pods": {
			the[*corev1.ServiceAccount](t, in, pod.ServiceAccountName).Namespace, deployment(t, in).Namespace,
		},
		"the token is mounted: the program reads what a release refers to": {
			pod.AutomountServiceAccountToken, new(true),
		},
		"the policy and the pods share a namespace": {
			the[*corev1.ConfigMap](t, in, policy.Name).Namespace, deployment(t, in).Namespace,
		},
		"the kubelet waits until the last call in flight is answered": {
			time.Duration(*pod.TerminationGracePeriodSeconds)*time.Second > shutdownDelay+drain, true,
		},
		"an update never takes a replica away before the next is ready": {
			deployment(t, in).Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue(), 0,
		},
		"the garbage collector hears of the memory limit before the kernel acts": {
			goMemoryLimit(t, in) < limits.Memory().Value(), true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// probed is what the kubelet asks: path and port, the latter in the form of a flag.
func probed(t *testing.T, in install, probe *corev1.Probe) string {
	t.Helper()
	if probe == nil || probe.HTTPGet == nil {
		t.Fatal("the container lacks an HTTP probe")
	}
	return probe.HTTPGet.Path + " " + address(containerPort(t, in, probe.HTTPGet.Port.StrVal))
}

// goMemoryLimit is GOMEMLIMIT in bytes. Go writes MiB where Kubernetes writes Mi.
func goMemoryLimit(t *testing.T, in install) int64 {
	t.Helper()
	for _, env := range container(t, in).Env {
		if env.Name != "GOMEMLIMIT" {
			continue
		}
		limit, err := resource.ParseQuantity(strings.TrimSuffix(env.Value, "B"))
		if err != nil {
			t.Fatalf("GOMEMLIMIT %q: %v", env.Value, err)
		}
		return limit.Value()
	}
	t.Fatal("GOMEMLIMIT is not set")
	return 0
}
