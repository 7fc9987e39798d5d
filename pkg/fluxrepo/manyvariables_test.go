package fluxrepo_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// TestManyVariables: each of thousands of variables that nothing sets is told; of those whose values are not known, the first are, and
// that there are others.
func TestManyVariables(t *testing.T) {
	t.Parallel()
	var list strings.Builder
	list.WriteString(quickStart + "  values:\n    spegel:\n      mirroredRegistries:\n")
	for i := range 3000 {
		fmt.Fprintf(&list, "        - https://${V%d}.example.com\n", i)
	}
	for name, c := range map[string]struct {
		variables, others  string
		errors, unresolved int
	}{
		"that nothing sets":        {"substitute: {A: a}", "nothing sets ${V2999}", 3000, 0},
		"that come from elsewhere": {"substituteFrom: [{kind: Secret, name: gone}]", "Variable /others : more than 1000 variables have no value", 0, 1001},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "flux", "ks.yaml"), generatedKustomization("apps", "flux-system", "./apps", "  postBuild: {"+c.variables+"}\n"))
			writeFile(t, filepath.Join(root, "apps", "release.yaml"), list.String())
			res := check(t, fluxrepo.Options{Paths: []string{root}})
			if len(res.Errors) != c.errors || len(res.Releases) != 1 || len(res.Releases[0].Unresolved) != c.unresolved {
				t.Fatalf("%d errors, %d releases; want %d errors, and a release with %d that are unresolved", len(res.Errors), len(res.Releases), c.errors, c.unresolved)
			}
			if out := render(root, res); !strings.Contains(out, c.others) {
				t.Errorf("want %q in\n%s", c.others, out)
			}
		})
	}
}
