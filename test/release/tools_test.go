package release_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestToolsShareModules: what the program and the programs of the tests link is of one version, so that Go compiles it once.
// A machine that starts with nothing would compile most of it for each of them otherwise.
func TestToolsShareModules(t *testing.T) {
	t.Parallel()
	own := versions(t, filepath.Join(root, "go.mod"))
	// How the API server evaluates, and what Flux's programs make of Flux's objects, is to be what they were released with.
	const cel, api, kyaml = "github.com/google/cel-go", "sigs.k8s.io/kustomize/api", "sigs.k8s.io/kustomize/kyaml"
	for tool, apart := range map[string][]string{
		"cert-manager":         {cel},
		"controller-gen":       nil,
		"flux":                 nil,
		"kubernetes":           {cel, "github.com/fsnotify/fsnotify", "google.golang.org/genproto/googleapis/api"},
		"kustomize-controller": {cel, api, kyaml, "github.com/json-iterator/go", "github.com/opencontainers/go-digest"},
		"setup-envtest":        nil,
	} {
		its := versions(t, filepath.Join(root, "test/e2e/tools", tool, "go.mod"))
		for _, module := range apart {
			delete(its, module)
		}
		for module, version := range its {
			if strings.HasPrefix(module, "github.com/fluxcd/") {
				continue
			}
			if want, ok := own[module]; ok && version != want {
				t.Errorf("%s has %s %s; the program has %s", tool, module, version, want)
			}
		}
	}
}

// versions returns the modules that a go.mod requires, by path, as it replaces them.
func versions(t *testing.T, path string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse(path, content, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, require := range file.Require {
		found[require.Mod.Path] = require.Mod.Version
	}
	for _, replace := range file.Replace {
		if _, ok := found[replace.Old.Path]; ok {
			found[replace.Old.Path] = replace.New.Version
		}
	}
	return found
}
