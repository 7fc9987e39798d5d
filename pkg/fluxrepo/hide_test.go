package fluxrepo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// TestSecretsAreNotShown: what a variable took out of a Secret, or was handed over, shows in no finding;
// what comes from elsewhere does.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const (
		canary = "hunter2"
		build  = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: flux-system}
spec:
  interval: 1h
  prune: true
  path: ./app
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild: {substitute: {OPEN: docker.io/x}, substituteFrom: [{kind: Secret, name: vars}]}
---
apiVersion: v1
kind: Secret
metadata: {name: vars, namespace: flux-system}
stringData: {REGISTRY: "https://harbor.example.com/hunter2"}
`
		release = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: kube-system}
spec:
  interval: 1h
  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}
  values: {spegel: {mirroredRegistries: ["${REGISTRY}", "${REGISTRY^^}", "https://${GIVEN}", "https://${OPEN}"]}}
`
	)
	dir := t.TempDir()
	for name, text := range map[string]string{"ks.yaml": build, "app/release.yaml": release} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	private, err := validate.ParseRegistry("harbor.example.com")
	if err != nil {
		t.Fatal(err)
	}
	res, err := fluxrepo.Check(t.Context(), fluxrepo.Options{
		Paths: []string{dir}, Charts: []string{"spegel"}, Vars: map[string]string{"GIVEN": "ghcr.io/" + canary},
		Policy: validate.Policy{PrivateRegistries: []validate.Registry{private}},
	})
	if err != nil || len(res.Releases) != 1 {
		t.Fatalf("%d releases, error %v; want one release", len(res.Releases), err)
	}
	shown := 0
	for _, f := range res.Releases[0].Findings {
		if strings.Contains(strings.ToLower(f.Field()+f.Text()+f.Fix), canary) {
			t.Errorf("a secret is shown: %s: %s; %s", f.Field(), f.Text(), f.Fix)
		}
		if f.Value != "" {
			shown++
		}
	}
	if n := len(res.Releases[0].Findings); n < 5 || shown != 1 {
		t.Errorf("%d findings, %d with a value; want at least 5, and only the one from substitute with a value: %+v", n, shown, res.Releases[0].Findings)
	}
}
