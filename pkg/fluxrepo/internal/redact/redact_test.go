package redact_test

import (
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

func TestValue(t *testing.T) {
	t.Parallel()
	given := map[string]string{"URL": "https://hunter2.example.com", "CHART": "spegel", "MIRROR": "spegel-kube-system", "WORD": "abc", "SHORT": "de"}
	r := redact.New(&fluxgraph.Graph{Given: substitute.NewGiven(given, nil)}, []string{"spegel"})
	for text, shown := range map[string]bool{
		"https://docker.io":           true,
		"https://hunter2.example.com": false,
		"HUNTER2.example.com":         false, // ${NAME^^}
		"https://x/ter2.e":            false, // ${NAME:11:6}
		"https://x/ter2.":             true,  // five characters give nothing away
		"spegel":                      true,
		"my-spegel.kube-system":       true,  // every cluster has these
		"xabcx":                       false, // a short one counts as a whole
		"decade":                      true,  // of two letters gives nothing away
		"":                            false,
	} {
		if got := r.Value(text); (got == text && text != "") != shown {
			t.Errorf("%q is %q; want it shown: %t", text, got, shown)
		}
	}
}

// TestNames: a name that a Secret is a part of is shown as its file has it.
func TestNames(t *testing.T) {
	t.Parallel()
	tree, err := worktree.Scan(t.Context(), folder.Write(t, map[string]string{
		"flux/ks.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n" +
			"spec:\n  path: ./apps\n  sourceRef: {kind: GitRepository, name: flux-system}\n  postBuild: {substitute: {OPEN: prod}, substituteFrom: [{kind: Secret, name: gone}, {kind: Secret, name: vars}]}\n",
		"flux/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: vars, namespace: flux-system}\nstringData: {KEY: hunter2}\n",
		"apps/hr.yaml":     "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: 'spegel-${KEY}-${OPEN}', namespace: '${GONE}'}\nspec: {chart: {spec: {chart: spegel}}}\n",
	}), worktree.Options{Words: []string{"spegel"}})
	if err != nil {
		t.Fatal(err)
	}
	g := fluxgraph.New(t.Context(), tree, fluxgraph.Options{Given: substitute.NewGiven(nil, nil), Named: func(string) bool { return false }})
	o := g.Instances[0].Objects[0]
	r := redact.New(g, nil)
	for text, want := range map[string]string{
		o.Name: "spegel-${KEY}-prod", o.Namespace: "${GONE}", "spegel-prod": "spegel-prod",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%s is shown as %s; want %s", text, got, want)
		}
	}
	if got := r.Text("release " + o.Name + " in " + o.Namespace + ", HUNTER"); got != "release spegel-${KEY}-prod in ${GONE}, ..." {
		t.Errorf("a message is shown as %q", got)
	}
}
