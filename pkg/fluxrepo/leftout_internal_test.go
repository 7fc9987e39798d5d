package fluxrepo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUnname takes files that are left out off the list of a kustomization. One stays, so that kustomize
// has something to build; the document that others look at stays as it is.
func TestUnname(t *testing.T) {
	t.Parallel()
	const out, kept = leftOut, "kind: ConfigMap\n"
	for name, c := range map[string]struct {
		text string
		over map[string]string
		want string // empty: nothing is written
	}{
		"all but one": {
			"resources: [a.yaml, b.yaml, ./c.yaml, ../d.yaml]\n", map[string]string{"apps/a.yaml": out, "apps/b.yaml": out, "apps/c.yaml": out, "d.yaml": out},
			"resources: [a.yaml]\n",
		},
		"not what is kept": {
			"resources: [a.yaml, b.yaml, c.yaml, d.yaml]\nnamePrefix: x-\n", map[string]string{"apps/b.yaml": out, "apps/c.yaml": kept, "apps/d.yaml": out},
			"resources: [a.yaml, b.yaml, c.yaml]\nnamePrefix: x-\n",
		},
		"no other list": {
			"components: [c.yaml, d.yaml]\nresources: [a.yaml, b.yaml]\n", map[string]string{"apps/a.yaml": out, "apps/b.yaml": out, "apps/c.yaml": out, "apps/d.yaml": out},
			"components: [c.yaml, d.yaml]\nresources: [a.yaml]\n",
		},
		"names that are aliases": {
			"x: &x b.yaml\nresources: [a.yaml, *x]\n", map[string]string{"apps/a.yaml": out, "apps/b.yaml": out},
			"x: &x b.yaml\nresources: [a.yaml]\n",
		},
		"nothing of a single one":        {"resources: [a.yaml, b.yaml]\n", map[string]string{"apps/a.yaml": out}, ""},
		"nothing that lies elsewhere":    {"resources: [../../a.yaml, ../../b.yaml]\n", map[string]string{"a.yaml": out, "b.yaml": out}, ""},
		"nothing without a list":         {"namePrefix: x-\n", map[string]string{"apps/a.yaml": out}, ""},
		"nothing where it is not a list": {"resources: a.yaml\n", map[string]string{"apps/a.yaml": out}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs, err := decodeDocuments([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			list := len(items(child(docs[0], "resources")))
			over := map[string][]byte{}
			for p, text := range c.over {
				over[p] = []byte(text)
			}
			(&tree{dir: "apps", file: &file{path: "apps/kustomization.yaml"}, node: docs[0]}).unname(over)
			if diff := cmp.Diff(c.want, string(over["apps/kustomization.yaml"])); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if now := len(items(child(docs[0], "resources"))); now != list {
				t.Errorf("the document itself has %d resources now; want the %d that it had", now, list)
			}
		})
	}
}
