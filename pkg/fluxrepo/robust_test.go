package fluxrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

const quickStart = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: spegel\n  namespace: kube-system\nspec:\n  chart:\n    spec:\n      chart: spegel\n"

// TestHostileRepositories checks what could hang a check, fill its memory or lead it astray. A release
// beside it is found all the same.
func TestHostileRepositories(t *testing.T) {
	t.Parallel()
	flux := generatedKustomization("apps", "flux-system", "./apps", "")
	for name, c := range map[string]struct {
		make func(t *testing.T, root string)
		want string // part of an error; empty for none
	}{
		"symbolic links that lead out or in circles": {func(t *testing.T, root string) {
			t.Helper()
			outside := t.TempDir()
			writeFile(t, filepath.Join(outside, "other.yaml"), strings.ReplaceAll(quickStart, "kube-system", "outside"))
			for link, to := range map[string]string{"out": outside, "loop": ".", "gone.yaml": "nowhere", "one.yaml": filepath.Join(outside, "other.yaml")} {
				if err := os.Symlink(to, filepath.Join(root, "apps", link)); err != nil {
					t.Fatal(err)
				}
			}
		}, ""},
		"a YAML bomb": {func(t *testing.T, root string) {
			t.Helper()
			var bomb strings.Builder
			bomb.WriteString("kind: Namespace\napiVersion: v1\nmetadata: {name: spegel}\na: &a [x]\n")
			for c := 'b'; c < 'k'; c++ {
				fmt.Fprintf(&bomb, "%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8), c-1)
			}
			writeFile(t, filepath.Join(root, "apps", "bomb.yaml"), bomb.String())
		}, "too large when its aliases are expanded"},
		"a file of 100 MiB": {func(t *testing.T, root string) {
			t.Helper()
			writeFile(t, filepath.Join(root, "apps", "large.yaml"), quickStart+"# ")
			if err := os.Truncate(filepath.Join(root, "apps", "large.yaml"), 100<<20); err != nil {
				t.Fatal(err)
			}
		}, "is larger than 16 MiB"},
		"a file of 20 MiB": {func(t *testing.T, root string) {
			t.Helper()
			writeFile(t, filepath.Join(root, "apps", "large.yaml"), quickStart+"# "+strings.Repeat("x", 20<<20))
		}, "is larger than 16 MiB"},
		"a kustomization that leads out of the repository": {func(t *testing.T, root string) {
			t.Helper()
			writeFile(t, filepath.Join(root, "apps", "kustomization.yaml"), "resources: [release.yaml, ../../../etc/passwd, /etc/passwd]\n")
		}, "leads out of the repository"},
		"a kustomization that names what is to be fetched": {func(t *testing.T, root string) {
			t.Helper()
			writeFile(t, filepath.Join(root, "apps", "kustomization.yaml"), "resources: [release.yaml, 'http://127.0.0.1:1/x.yaml', 'git@127.0.0.1:a/b']\n")
		}, "is not in this repository"},
		"deep nesting": {func(t *testing.T, root string) {
			t.Helper()
			writeFile(t, filepath.Join(root, "apps", "deep.yaml"), "spegel: "+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+"\n")
		}, "nest"},
		"no YAML at all": {func(t *testing.T, root string) {
			t.Helper()
			writeFile(t, filepath.Join(root, "apps", "binary.yaml"), "spegel\x00\xff\xfe HelmRelease helm.toolkit.fluxcd.io")
		}, "is not YAML"},
		"empty documents": {func(t *testing.T, root string) {
			t.Helper()
			writeFile(t, filepath.Join(root, "apps", "empty.yaml"), "---\n---\n# spegel\n---\n")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "flux", "ks.yaml"), flux)
			writeFile(t, filepath.Join(root, "apps", "release.yaml"), quickStart)
			c.make(t, root)
			out := render(root, check(t, fluxrepo.Options{Paths: []string{root}}))
			if n := strings.Count(out, "release kube-system/spegel"); n != 1 || strings.Contains(out, "outside") {
				t.Errorf("%d releases; want the one in the repository\n%s", n, out)
			}
			if c.want == "" && strings.Contains(out, "error") || !strings.Contains(out, c.want) {
				t.Errorf("want an error with %q:\n%s", c.want, out)
			}
		})
	}
}

// TestBadCalls checks what is an error of the call.
func TestBadCalls(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]fluxrepo.Options{
		"no path":                  {},
		"a path that is not there": {Paths: []string{filepath.Join(t.TempDir(), "nowhere")}},
		"no standard input":        {Paths: []string{"-"}},
		"an empty standard input":  {Paths: []string{"-"}, Stdin: strings.NewReader(" \n")},
		"a bad glob":               {Paths: []string{t.TempDir()}, Ignore: []string{"[a"}},
	} {
		if res, err := fluxrepo.Check(t.Context(), o); err == nil {
			t.Errorf("%s: got %+v; want an error", name, res)
		}
	}
}
