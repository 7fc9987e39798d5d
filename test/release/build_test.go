// Package release_test checks what is released: the program as the Dockerfile builds it, the packed manifests, and the
// workflows that publish both.
package release_test

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/test/folder"
)

const (
	root    = "../.."
	version = "v1.2.3"

	// maxSize is what a program from which the linker drops unused methods stays below. What calls a method by a name
	// that the linker can't know, as text/template does, costs a quarter more, and 7 MiB of memory.
	maxSize = 40 << 20
)

// commit is the one that is checked out, as .ci/dist takes it.
var commit = sync.OnceValue(func() string {
	out, err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Output()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(out))
})

// program is built once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "spegel-guard-release-")
	if err != nil {
		return "", err
	}
	return build(dir)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

func built(t *testing.T) string {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// build copies what the Dockerfile copies into a folder below dir, and runs its go build there.
func build(dir string) (string, error) {
	source := filepath.Join(dir, "source")
	for _, name := range []string{"go.mod", "go.sum", "cmd", "pkg"} {
		if err := copyTree(name, source); err != nil {
			return "", err
		}
	}
	dockerfile, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return "", err
	}
	ldflags := regexp.MustCompile(`-ldflags "([^"]*)"`).FindSubmatch(dockerfile)
	flags := strings.NewReplacer("${VERSION}", version, "${COMMIT}", commit()).Replace(string(ldflags[1]))
	output := filepath.Join(dir, "spegel-guard")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", flags, "-o", output, "./cmd/webhook")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOFLAGS="+os.Getenv("GOFLAGS")+" -buildvcs=false", "GOWORK=off")
	cmd.Stderr = os.Stderr
	return output, cmd.Run()
}

// copyTree leaves out what .dockerignore leaves out.
func copyTree(name, to string) error {
	return filepath.WalkDir(filepath.Join(root, name), func(from string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, from)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "testdata" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		if strings.HasSuffix(from, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
}

// The modules that the program links are those of testdata/modules.txt, so that none comes back, or along, unseen. A new one is
// a decision: what it is for, what it brings with it, and what it costs in memory.
func TestModules(t *testing.T) {
	t.Parallel()
	info, err := buildinfo.ReadFile(built(t))
	if err != nil {
		t.Fatal(err)
	}
	var linked strings.Builder
	for _, dep := range info.Deps {
		linked.WriteString(dep.Path + "\n")
		if dep.Replace != nil {
			t.Errorf("%s is replaced by %s", dep.Path, dep.Replace.Path)
		}
	}
	listed, err := os.ReadFile("testdata/modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(listed), linked.String()); diff != "" {
		t.Errorf("modules (-listed +linked):\n%s", diff)
	}
}

// A library of a cloud is a sign that the program learned to talk to something that it has no business with.
func TestNoCloudSDKIsListed(t *testing.T) {
	t.Parallel()
	listed, err := os.ReadFile("testdata/modules.txt")
	if err != nil {
		t.Fatal(err)
	}
	refused := regexp.MustCompile(`(?i)(^|[/.-])(aws|azure|azuread|alibaba|aliyun|aliyungo|tencent\w*|huaweicloud|oracle|oci-go-sdk|digitalocean|hashicorp|` +
		`googlecloudplatform|googleapis)([/.-]|$)|^cloud\.google\.com/|^google\.golang\.org/api$|^github\.com/google/(go-containerregistry|cel-go)|` +
		`^github\.com/docker/|^github\.com/sigstore/|^k8s\.io/(apiserver|component-base)$`)
	for path := range strings.Lines(string(listed)) {
		path = strings.TrimSpace(path)
		if refused.MatchString(path) && !strings.HasPrefix(path, "google.golang.org/genproto/googleapis/") {
			t.Errorf("%s is linked", path)
		}
	}
}

func TestBinaryIsStatic(t *testing.T) {
	t.Parallel()
	file := built(t)
	stat, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MiB", float64(stat.Size())/(1<<20))
	if stat.Size() >= maxSize {
		t.Errorf("%d bytes, want less than %d", stat.Size(), maxSize)
	}
	program, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it asks for a dynamic linker")
		}
	}
	if libraries, err := program.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("it asks for %v", libraries)
	}
	if symbols, err := program.Symbols(); err == nil && len(symbols) > 0 {
		t.Errorf("it is not stripped: %d symbols", len(symbols))
	}
}

func TestVersionSaysWhatWasBuilt(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), built(t), "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(built(t))
	if err != nil {
		t.Fatal(err)
	}
	want := "spegel-guard " + version + " (commit " + commit() + ", " + info.GoVersion + ")\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Without the linker's word, the version control that go build saw has it.
func TestVersionComesFromTheRepositoryElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "cmd", "pkg"} {
		if err := copyTree(name, dir); err != nil {
			t.Fatal(err)
		}
	}
	script := `git init -q . && git add -A && git -c user.name=t -c user.email=t@example.com -c commit.gpgsign=false commit -qm t &&
		git tag v1.9.9 && go build -trimpath -ldflags "-s -w" -o "$OUT" ./cmd/webhook && git rev-parse HEAD && "$OUT" version`
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+os.Getenv("GOFLAGS")+" -buildvcs=true", "GOWORK=off", "OUT="+filepath.Join(t.TempDir(), "spegel-guard"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	head, printed, _ := strings.Cut(string(out), "\n")
	if want := "spegel-guard v1.9.9 (commit " + head + ", "; !strings.HasPrefix(printed, want) {
		t.Errorf("%q does not begin with %q", printed, want)
	}
}

// What kustomize writes to standard error by itself, of deprecated fields and of variables without use, is not the program's to say.
func TestStandardErrorIsTheProgramsOwn(t *testing.T) {
	t.Parallel()
	dir := folder.Write(t, map[string]string{
		"kustomization.yaml": "resources: [all.yaml]\ncommonLabels: {a: b}\n" +
			"vars: [{name: UNUSED, objref: {apiVersion: v1, kind: ConfigMap, name: x}, fieldref: {fieldpath: data.a}}]\n",
		"all.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n" +
			"metadata: {name: spegel, namespace: kube-system}\nspec: {chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}}\n",
	})
	cmd := exec.CommandContext(t.Context(), built(t), "check", dir, "--private-registry", "registry.example.ts.net")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its exit status is 1: the release is denied
	if stderr.Len() > 0 || !strings.Contains(stdout.String(), "1 denied") {
		t.Errorf("standard error %q, standard output\n%s", stderr.String(), stdout.String())
	}
}
