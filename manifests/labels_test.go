package manifests_test

import (
	"slices"
	"strings"
	"testing"
)

// What belongs to the guard can be listed by one label, and says of which version it is: that of the image. Selectors use neither,
// as they could never change (TestSelectorsMeanTheWebhooksPods).
func TestEveryObjectIsLabelled(t *testing.T) {
	t.Parallel()
	chosen := slices.DeleteFunc(components(t), func(c string) bool { return c == "self-signed" }) // not with cert-manager
	_, version, _ := strings.Cut(container(t, render(t, "base")).Image, ":")
	for _, in := range []install{render(t, "base", chosen...), render(t, "base", "self-signed"), build(t, bothCELComponents, nil)} {
		for _, object := range in {
			labels := object.GetLabels()
			for name, want := range map[string]string{"name": "spegel-guard", "part-of": "spegel-guard", "version": version} {
				if got := labels["app.kubernetes.io/"+name]; got != want {
					t.Errorf("%s %s: %s is %q, want %q", object.GetObjectKind().GroupVersionKind().Kind, object.GetName(), name, got, want)
				}
			}
		}
	}
}
