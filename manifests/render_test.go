// Package manifests_test renders the kustomize manifests in-process, decodes every object strictly into its Go type and
// checks what ties the objects to each other and to the program. It holds no code that ships.
package manifests_test

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// render builds a kustomization with these resources and components, named as in this folder, the way
// `kubectl apply -k` would.
func render(t *testing.T, resource string, components ...string) install {
	t.Helper()
	return build(t, kustomizationOf(resource, components...), nil)
}

func kustomizationOf(resource string, components ...string) string {
	lines := []string{"resources: [../manifests/" + resource + "]", "components:"}
	for _, c := range components {
		lines = append(lines, "  - ../manifests/components/"+c)
	}
	return strings.Join(lines, "\n")
}

// kustomize guards its own library: kyaml v0.21.1 fills its global schema without a lock, and two builds at a time race.
var kustomize sync.Mutex

// built keeps what kustomizations came to: many tests ask for the same few.
var built sync.Map

// build runs kustomize on a kustomization that lies beside this folder, together with the files given by name.
func build(t testing.TB, kustomization string, files map[string]string) install {
	t.Helper()
	if len(files) > 0 {
		return buildFolder(t, "/overlay", kustomization, files)
	}
	kept, ok := built.Load(kustomization)
	if !ok {
		kept, _ = built.LoadOrStore(kustomization, buildFolder(t, "/overlay", kustomization, nil))
	}
	var own install // which a test may change
	for _, object := range kept.(install) {
		own = append(own, object.DeepCopyObject().(client.Object))
	}
	return own
}

// buildFolder runs kustomize on /overlay, or on a folder below /manifests.
func buildFolder(t testing.TB, folder, kustomization string, files map[string]string) install {
	t.Helper()
	resources, err := runKustomize(t, folder, kustomization, files)
	if err != nil {
		t.Fatalf("kustomize build: %v", err)
	}
	return installOf(t, resources)
}

// installOf decodes what kustomize built.
func installOf(t testing.TB, resources resmap.ResMap) (in install) {
	t.Helper()
	for _, r := range resources.Resources() {
		object, err := decode(r.MustYaml())
		if err != nil {
			t.Fatalf("%s: %v", r.CurId(), err)
		}
		in = append(in, object)
	}
	return in
}

// runKustomize does the work of buildFolder, for builds that may fail.
func runKustomize(t testing.TB, folder, kustomization string, files map[string]string) (resmap.ResMap, error) {
	t.Helper()
	disk := filesys.MakeFsInMemory()
	write := func(name, content string) {
		if err := disk.WriteFile(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	here := os.DirFS(".")
	for _, name := range manifestFiles(t) {
		content, err := fs.ReadFile(here, name)
		if err != nil {
			t.Fatal(err)
		}
		write(path.Join("/manifests", name), string(content))
	}
	write("/overlay/kustomization.yaml", kustomization)
	for name, content := range files {
		write(path.Join("/overlay", name), content)
	}
	kustomize.Lock()
	defer kustomize.Unlock()
	return krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, folder)
}

func manifestFiles(t testing.TB) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (path.Ext(name) == ".yaml" || path.Ext(name) == ".json") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func components(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("components")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
