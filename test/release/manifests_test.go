package release_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const archive = "spegel-guard-" + version + "-manifests"

var digest = "sha256:" + strings.Repeat("ab", 32)

// pack packs the manifests as make dist does, into a folder of its own.
func pack(t *testing.T, version, digest string) (dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	out, err := exec.CommandContext(t.Context(), filepath.Join(root, ".ci", "manifests"), version, "registry.example.com/spegel-guard", digest, dir).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return dir, err
}

// TestReleasedManifestsNameTheImageByDigest unpacks what a user downloads and builds the default install of it, and base with each
// component: whatever runs the image runs this one.
func TestReleasedManifestsNameTheImageByDigest(t *testing.T) {
	t.Parallel()
	dir, err := pack(t, version, digest)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(filepath.Join(dir, archive+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	disk := unpack(t, packed)
	components, err := disk.ReadDir("/" + archive + "/components")
	if err != nil || len(components) == 0 {
		t.Fatal(components, err)
	}
	images := imagesOf(t, disk, "/"+archive)
	for _, name := range components {
		kustomization := "resources: [../" + archive + "/base]\ncomponents: [../" + archive + "/components/" + name + "]\n"
		if err := disk.WriteFile("/"+name+"/kustomization.yaml", []byte(kustomization)); err != nil {
			t.Fatal(err)
		}
		images = append(images, imagesOf(t, disk, "/"+name)...)
	}
	// One of the default install, one of base for each component, and those that audit and node-doctor run.
	if want := 1 + len(components) + 2; len(images) != want {
		t.Errorf("%d images, want %d", len(images), want)
	}
	for _, image := range images {
		if want := "registry.example.com/spegel-guard@" + digest; image != want {
			t.Errorf("image %s, want %s", image, want)
		}
	}
}

// imagesOf builds a folder and returns every image that something in it runs.
func imagesOf(t *testing.T, disk filesys.FileSystem, folder string) (images []string) {
	t.Helper()
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, folder)
	if err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	text, err := objects.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects.Resources() {
		if got := object.GetLabels()["app.kubernetes.io/version"]; got != version {
			t.Errorf("%s is labelled with version %q, want %s", object.CurId(), got, version)
		}
	}
	for line := range strings.Lines(string(text)) {
		if image, found := strings.CutPrefix(strings.TrimLeft(line, " -"), "image: "); found {
			images = append(images, strings.TrimSpace(image))
		}
	}
	return images
}

func unpack(t *testing.T, packed []byte) filesys.FileSystem {
	t.Helper()
	disk := filesys.MakeFsInMemory()
	for name, content := range untar(t, packed) {
		if strings.HasSuffix(name, "/") {
			continue
		}
		if strings.HasSuffix(name, ".go") {
			t.Errorf("%s is no manifest", name)
		}
		if err := disk.WriteFile("/"+name, content); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

func TestManifestsAreReproducible(t *testing.T) {
	t.Parallel()
	var made [2]string
	for i := range made {
		dir, err := pack(t, version, digest)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{archive + ".tar.gz", "install.yaml"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			made[i] += string(data)
		}
	}
	if made[0] != made[1] {
		t.Error("what is packed differs from run to run")
	}
}

func TestManifestsOfNoReleaseAreRefused(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string][2]string{
		"a branch":    {"main", digest},
		"a tag":       {version, "latest"},
		"no digest":   {version, ""},
		"half of one": {version, digest[:40]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := pack(t, arguments[0], arguments[1]); err == nil || !strings.Contains(err.Error(), "want") {
				t.Errorf("error %v", err)
			}
		})
	}
}
