package manifests_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// A new folder below components/ is in this test from its first day.
func TestEveryCombinationOfComponentsRenders(t *testing.T) {
	t.Parallel()
	all := components(t)
	for set := range 1 << len(all) {
		var chosen []string
		for i, c := range all {
			if set&(1<<i) != 0 {
				chosen = append(chosen, c)
			}
		}
		t.Run("base+"+strings.Join(chosen, "+"), func(t *testing.T) {
			t.Parallel()
			if got := len(render(t, "base", chosen...)); got < 10 {
				t.Errorf("%d objects, want the whole base and more", got)
			}
		})
	}
}

// Whoever starts from base gets the objects that the default install was tested with.
func TestDefaultInstallIsBaseWithCertManager(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(render(t, "base", "cert-manager"), render(t, ".")); diff != "" {
		t.Errorf("kustomization.yaml differs from base and components/cert-manager (-these +it):\n%s", diff)
	}
}

// Whoever applies the objects in this order must not meet one whose namespace is not there yet.
func TestNamespaceComesFirst(t *testing.T) {
	t.Parallel()
	if kind := render(t, ".")[0].GetObjectKind().GroupVersionKind().Kind; kind != "Namespace" {
		t.Errorf("the first object is a %s", kind)
	}
}

// The comment in kustomization.yaml shows a kustomization of one's own. It is built as it stands there.
func TestKustomizationInTheCommentWorks(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, comment, found := strings.Cut(string(file), "the components you want:")
	if !found {
		t.Fatal("the comment that introduces the example is gone")
	}
	var example []string
	for line := range strings.Lines(comment) {
		if yaml, ok := strings.CutPrefix(line, "#   "); ok {
			example = append(example, strings.ReplaceAll(yaml, "<here>", "../manifests"))
		}
	}
	policy := "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\n"
	in := build(t, strings.Join(example, ""), map[string]string{"policy.yaml": policy})

	got := map[string]any{
		"image":       container(t, in).Image,
		"policy":      the[*corev1.ConfigMap](t, in, "spegel-guard-policy").Data,
		"permissions": permissions(t, in),
	}
	want := map[string]any{
		"image":       "registry.example.com/spegel-guard:v0.1.0",
		"policy":      map[string]string{"policy.yaml": policy},
		"permissions": basePermissions(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
