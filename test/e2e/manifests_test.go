package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// TestAPIServerAcceptsTheManifests has kubectl build and send the default install, the base, and the base with every component in one
// of two sets, to the API server with --dry-run=server.
func TestAPIServerAcceptsTheManifests(t *testing.T) {
	t.Parallel()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	namespace(t, "spegel-guard-nodes") // a dry run makes none
	for name, components := range map[string][]string{
		"the default install": nil,
		"the base alone":      {},
		"self-signed":         {"self-signed", "metrics-secure"},
		"all that go together": {"cert-manager", "match-all", "audit", "read-secrets", "daemonset", "validating-admission-policy", "daemonset-policy",
			"node-doctor", "monitoring"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(root, "manifests")
			if components != nil {
				built, err := cluster.Overlay(t.TempDir(), dir, components...)
				if err != nil {
					t.Fatal(err)
				}
				dir = built
			}
			out := accepted(t, kubectl(t, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-k", dir))
			if got := strings.Count(out, "(server dry run)"); got < 10 || strings.Contains(out, "Warning") {
				t.Errorf("%d objects accepted:\n%s", got, out)
			}
		})
	}
}

// TestAPIServerAcceptsTheCELPoliciesAlone sends the component's own folder.
func TestAPIServerAcceptsTheCELPoliciesAlone(t *testing.T) {
	t.Parallel()
	out := accepted(t, kubectl(t, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-k", "manifests/components/validating-admission-policy"))
	if got := strings.Count(out, "(server dry run)"); got != 6 || strings.Contains(out, "Warning") {
		t.Errorf("%d objects accepted, want 6:\n%s", got, out)
	}
}
