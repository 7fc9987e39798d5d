package fluxrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// TestSourcesInSeveralPlaces: of sources that are equally near, one that differs is enough for none to
// count, whatever the order of their files. The name of the release decides then.
func TestSourcesInSeveralPlaces(t *testing.T) {
	t.Parallel()
	const source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: spegel, namespace: kube-system}\nspec: {url: %q}\n"
	for _, spegel := range []string{"0", "z"} {
		dir := t.TempDir()
		files := map[string]string{"release.yaml": `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: kube-system}
spec: {chartRef: {kind: OCIRepository, name: spegel}, values: {spegel: {registries: [x]}}}
`}
		for _, other := range []string{"a", "b"} {
			files["t/"+other+"/source.yaml"] = fmt.Sprintf(source, "oci://example.com/other")
		}
		files["t/"+spegel+"/source.yaml"] = fmt.Sprintf(source, "oci://ghcr.io/spegel-org/helm-charts/spegel")
		for name, text := range files {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		res, err := fluxrepo.Check(t.Context(), fluxrepo.Options{Paths: []string{dir}, Charts: []string{"spegel"}})
		if err != nil || len(res.Releases) != 1 || len(res.Releases[0].Findings) != 2 {
			t.Errorf("with Spegel's source in t/%s: %+v, error %v; want one release with two findings", spegel, res, err)
		}
	}
}
