package release_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDist makes a release as the workflow does, of the one platform that can be tried here.
func TestDist(t *testing.T) {
	t.Parallel()
	platform := runtime.GOOS + "-" + runtime.GOARCH
	name := "spegel-guard-" + version + "-" + platform
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".ci", "dist"), version, "registry.example.com/spegel-guard", digest, dir)
	cmd.Env = append(os.Environ(), "PLATFORMS="+strings.ReplaceAll(platform, "-", "/"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made := map[string][]byte{}
	for _, file := range []string{"install.yaml", name + ".cdx.json", name + ".tar.gz", archive + ".tar.gz", "SHA256SUMS"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		made[file] = data
	}
	t.Run("the checksums are of all files", func(t *testing.T) {
		t.Parallel()
		var want strings.Builder
		for _, file := range []string{"install.yaml", name + ".cdx.json", name + ".tar.gz", archive + ".tar.gz"} {
			fmt.Fprintf(&want, "%x  %s\n", sha256.Sum256(made[file]), file)
		}
		if diff := cmp.Diff(want.String(), string(made["SHA256SUMS"])); diff != "" {
			t.Errorf("SHA256SUMS (-want +got):\n%s", diff)
		}
	})
	t.Run("the program runs", func(t *testing.T) {
		t.Parallel()
		files := untar(t, made[name+".tar.gz"])
		if len(files) != 2 || len(files["LICENSE"]) == 0 {
			t.Errorf("%d files in the archive", len(files))
		}
		program := filepath.Join(t.TempDir(), "spegel-guard")
		if err := os.WriteFile(program, files["spegel-guard"], 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), program, "--version").Output()
		if err != nil || !strings.HasPrefix(string(out), "spegel-guard "+version+" (commit ") || strings.Contains(string(out), "unknown") {
			t.Errorf("%v: %s", err, out)
		}
		sbom(t, program, made[name+".cdx.json"])
		// It was built in another folder than this one, and by the command of the Dockerfile.
		image, err := os.ReadFile(built(t))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(image, files["spegel-guard"]) {
			t.Error("two folders, two programs: the archive does not hold the program of the image")
		}
		if bytes.Contains(image, []byte(filepath.Dir(built(t)))) {
			t.Error("the program knows where it was built")
		}
	})
	t.Run("install.yaml names the image by its digest", func(t *testing.T) {
		t.Parallel()
		install := string(made["install.yaml"])
		for _, want := range []string{"image: registry.example.com/spegel-guard@" + digest, "kind: ValidatingWebhookConfiguration", "kind: Certificate", "app.kubernetes.io/version: " + version} {
			if !strings.Contains(install, want) {
				t.Errorf("it does not say %s", want)
			}
		}
	})
}

// sbom holds a list of components against the program.
func sbom(t *testing.T, program string, data []byte) {
	t.Helper()
	type component struct {
		Type, Name, Version, PURL string
		Hashes                    []struct{ Alg, Content string }
	}
	var list struct {
		BOMFormat, SpecVersion string
		Metadata               struct{ Component component }
		Components             []component
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if main := list.Metadata.Component; list.BOMFormat != "CycloneDX" || list.SpecVersion != "1.6" || main.Version != version || main.Hashes[0].Content != hex.EncodeToString(sum[:]) {
		t.Errorf("%s %s of %+v", list.BOMFormat, list.SpecVersion, main)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go")}
	for _, dep := range info.Deps {
		want = append(want, "pkg:golang/"+dep.Path+"@"+strings.ReplaceAll(dep.Version, "+", "%2B"))
	}
	var got []string
	for _, c := range list.Components {
		got = append(got, c.PURL)
		if c.Type != "library" || c.PURL != "pkg:golang/"+c.Name+"@"+strings.ReplaceAll(c.Version, "+", "%2B") {
			t.Errorf("component %+v", c)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-linked +listed):\n%s", diff)
	}
}

// untar returns the files of a tar.gz, which must be executable where they are programs.
func untar(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	stream, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(stream); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
		if header.Name == "spegel-guard" && header.Mode&0o111 != 0o111 {
			t.Errorf("%s has mode %o", header.Name, header.Mode)
		}
	}
}

func TestPlatformsOfARelease(t *testing.T) {
	t.Parallel()
	if !strings.Contains(read(t, ".ci/dist"), "PLATFORMS:-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64}") {
		t.Error("the platforms of a release are others than the documents promise")
	}
}
