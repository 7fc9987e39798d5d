package install_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestAllReplicasGone: what would install Spegel is refused then, and nothing else.
func TestAllReplicasGone(t *testing.T) {
	s := newSite(t)
	api := newClient(t)
	for _, name := range []string{"spegel-plain", "spegel-finalizer"} {
		if err := api.Create(t.Context(), helmRelease(t, name, releases[0].values)); err != nil {
			t.Fatal(err)
		}
	}
	accepted(t, kubectl(t, "patch", "helmrelease", "spegel-finalizer", "--type=merge", "-p", `{"metadata": {"finalizers": ["finalizers.fluxcd.io"]}}`))
	for _, w := range s.replicas {
		w.Kill()
	}

	for _, r := range releases {
		err := api.Create(t.Context(), helmRelease(t, "spegel", r.values), client.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), "failed calling webhook") {
			t.Errorf("%s: want a refusal because nobody answers, got %v", r.values, err)
		}
	}
	if out := accepted(t, kubectl(t, "apply", "-f", "test/e2e/testdata/other.yaml")); strings.Contains(out, "Warning") {
		t.Errorf("a warning for another chart:\n%s", out)
	}
	accepted(t, kubectl(t, "delete", "-f", "test/e2e/testdata/other.yaml", "--timeout=20s"))
	accepted(t, kubectl(t, "delete", "helmrelease", "spegel-plain", "--timeout=20s"))
	accepted(t, kubectl(t, "delete", "helmrelease", "spegel-finalizer", "--wait=false"))
	accepted(t, kubectl(t, "patch", "helmrelease", "spegel-finalizer", "--type=merge", "-p", `{"metadata": {"finalizers": null}}`))
	accepted(t, kubectl(t, "wait", "--for=delete", "helmrelease/spegel-finalizer", "--timeout=20s"))

	if err := s.replicas[1].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Service has a replica again", func() bool { return s.balancer.Ready(s.replicas[1]) })
	waitRefused(t)
}
