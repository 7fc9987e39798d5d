package manifests_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// Each component alone, with each other one, and with all. A new folder below components/ is in this test from its first day.
func TestComponentsRenderTogether(t *testing.T) {
	t.Parallel()
	all := components(t)
	without := func(names ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(c string) bool { return slices.Contains(names, c) })
	}
	sets := [][]string{{}, without("self-signed"), without("cert-manager")}
	for i, one := range all {
		sets = append(sets, []string{one})
		for _, other := range all[i+1:] {
			if one != "cert-manager" || other != "self-signed" { // the test below
				sets = append(sets, []string{one, other})
			}
		}
	}
	for _, chosen := range sets {
		t.Run("base+"+strings.Join(chosen, "+"), func(t *testing.T) {
			t.Parallel()
			if got := len(render(t, "base", chosen...)); got < 10 {
				t.Errorf("%d objects, want the whole base and more", got)
			}
		})
	}
}

// Two that provide the certificate would set the caBundle in turns, for ever. The build says so, in whatever order they stand.
func TestOneCertificateOnly(t *testing.T) {
	t.Parallel()
	for _, chosen := range [][]string{{"cert-manager", "self-signed"}, {"self-signed", "cert-manager"}, {"cert-manager", "match-all", "self-signed"}} {
		_, err := runKustomize(t, "/overlay", kustomizationOf("base", chosen...), nil)
		if err == nil || !strings.Contains(err.Error(), "either-cert-manager-or-self-signed") || !strings.Contains(err.Error(), chosen[len(chosen)-1]) {
			t.Errorf("%v: %v", chosen, err)
		}
	}
	if _, err := runKustomize(t, "/overlay", kustomizationOf(".", "self-signed"), nil); err == nil {
		t.Error("self-signed on top of the default install, which has cert-manager, is built")
	}
	const annotation = "spegel-guard.dev/either-cert-manager-or-self-signed"
	for chosen, want := range map[string]string{"match-all": "neither", "cert-manager": "cert-manager", "self-signed": "self-signed"} {
		if got := deployment(t, render(t, "base", chosen)).Annotations[annotation]; got != want {
			t.Errorf("with %s the annotation says %q, want %q", chosen, got, want)
		}
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

// One `images:` entry in a kustomization of one's own names the image for all that run it, whatever components there are.
func TestOneImagesEntryCoversEveryImage(t *testing.T) {
	t.Parallel()
	chosen := slices.DeleteFunc(components(t), func(c string) bool { return c == "self-signed" }) // not with cert-manager
	images := "\nimages: [{name: ghcr.io/spegel-guard/spegel-guard, newName: registry.example.com/spegel-guard, newTag: v9.9.9}]"
	resources, err := runKustomize(t, "/overlay", kustomizationOf("base", chosen...)+images, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^[ -]*image: (\S+)$`).FindAllStringSubmatch(string(text), -1)
	if len(found) != 3 {
		t.Errorf("%d images, want those of the webhook, audit and node-doctor", len(found))
	}
	for _, image := range found {
		if image[1] != "registry.example.com/spegel-guard:v9.9.9" {
			t.Errorf("image %s is not covered", image[1])
		}
	}
}
