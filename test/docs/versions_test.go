package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// The table of versions says what is tested, so it changes with what the tests are built from.
func TestVersionsAreThoseOfTheTests(t *testing.T) {
	t.Parallel()
	_, table, ok := strings.Cut(read(t, "docs/platforms.md"), "\n## Versions\n")
	if !ok {
		t.Fatal("docs/platforms.md has no table of versions")
	}
	for _, module := range []struct{ file, path, says string }{
		{"test/e2e/tools/kubernetes/go.mod", "k8s.io/kubernetes", "API server and kubectl %s"},
		{"test/e2e/tools/kustomize-controller/go.mod", "github.com/fluxcd/kustomize-controller", "kustomize-controller %s"},
		{"test/e2e/tools/flux/go.mod", "github.com/fluxcd/flux2/v2", "flux %s"},
		{"go.mod", "github.com/fluxcd/helm-controller/api", "helm-controller's API %s"},
		{"go.mod", "github.com/fluxcd/source-controller/api", "source-controller's %s"},
		{"go.mod", "github.com/containerd/containerd/v2", "libraries %s"},
		{"test/e2e/tools/cert-manager/go.mod", "github.com/cert-manager/cert-manager", "controllers and CRDs %s"},
	} {
		version := regexp.MustCompile(`(?m)^\s*(?:require )?` + regexp.QuoteMeta(module.path) + ` v(\S+)`).FindStringSubmatch(read(t, module.file))
		if version == nil {
			t.Errorf("%s does not require %s", module.file, module.path)
			continue
		}
		if want := strings.ReplaceAll(module.says, "%s", version[1]); !strings.Contains(table, want) {
			t.Errorf("the table does not say %q", want)
		}
	}
}
