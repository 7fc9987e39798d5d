package fluxrepo_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// TestFluxAgrees builds the Kustomizations of every shape as kustomize-controller does, from files on
// disk: each release of Spegel that comes out, the check has seen.
func TestFluxAgrees(t *testing.T) { //nolint:paralleltest // kyaml has one schema for the process, without a lock
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	every, built := 1, 0
	if testing.Short() {
		every = 4
	}
	for i, name := range names {
		if i%every > 0 {
			continue
		}
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(ar.Comment), "path: ") || strings.HasPrefix(filepath.Base(name), "source-") {
			continue // Flux gets the files of the repository without those that are left out
		}
		var releases []string
		for _, ks := range kustomizations(ar) {
			releases = append(releases, buildOnDisk(t, ar, ks)...)
		}
		if len(releases) == 0 {
			continue
		}
		built += len(releases)
		o, private := shapeOptions(string(ar.Comment), extract(t, ar))
		seen := check(t, o, private...).Releases
		for _, release := range releases {
			if !slices.ContainsFunc(seen, func(r fluxrepo.Release) bool { return strings.HasSuffix(release, r.Name) }) {
				t.Errorf("%s: Flux builds %s, and the check has not seen it", name, release)
			}
		}
	}
	if built < 50/every {
		t.Errorf("Flux built %d releases; want many", built)
	}
}

// kustomizations are those of Flux that are built from this repository.
func kustomizations(ar *txtar.Archive) (out []unstructured.Unstructured) {
	for _, f := range ar.Files {
		for doc := range strings.SplitSeq(strings.ReplaceAll(string(f.Data), "\r\n", "\n"), "\n---\n") {
			ks := unstructured.Unstructured{}
			if yaml.Unmarshal([]byte(doc), &ks.Object) != nil || ks.GetKind() != "Kustomization" || !strings.HasPrefix(ks.GetAPIVersion(), "kustomize.toolkit") {
				continue
			}
			if kind, _, _ := unstructured.NestedString(ks.Object, "spec", "sourceRef", "kind"); kind == "GitRepository" {
				out = append(out, ks)
			}
		}
	}
	return out
}

func extract(t *testing.T, ar *txtar.Archive) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range ar.Files {
		if f.Name != "want" && f.Name != "stdin" {
			writeFile(t, filepath.Join(root, f.Name), string(f.Data))
		}
	}
	return root
}

// buildOnDisk returns the releases of Spegel's chart by name; none where Flux can't build.
func buildOnDisk(t *testing.T, ar *txtar.Archive, ks unstructured.Unstructured) (releases []string) {
	t.Helper()
	root := extract(t, ar)
	p, _, _ := unstructured.NestedString(ks.Object, "spec", "path")
	dir := filepath.Join(root, filepath.Clean("/"+p))
	if _, err := fluxkustomize.NewGenerator(root, ks).WriteFile(dir); err != nil {
		return nil
	}
	res, err := fluxkustomize.SecureBuild(root, dir, false)
	if err != nil {
		return nil
	}
	for _, r := range res.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			return nil
		}
		if r.GetKind() == "HelmRelease" && strings.Contains(string(text), "chart: spegel") {
			releases = append(releases, r.GetNamespace()+"/"+r.GetName())
		}
	}
	return releases
}
