//go:build unix

package fluxrepo_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fluxcd/pkg/kustomize"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// bench is the repository of the benchmark: about 36,000 files and 2,000 Kustomizations.
var bench = fleet{kustomizations: 2000, files: 18}

// BenchmarkCheck is a check of the whole repository. Next to it stand, measured in the same run,
//
//   - floor-ratio: the time of a check in parts of the time that it takes to read and decode every file
//     once with sigs.k8s.io/yaml,
//   - command-ratio-extrapolated: how many times as long it takes to run "kubectl kustomize" for every
//     Kustomization's path, as a script in CI would; one path in fifty is built, and the time multiplied by
//     fifty. $KUBECTL names the program, which "make bench" builds,
//   - kustomize-ratio-extrapolated: the same with kustomize as a library, in this process; one path in ten,
//   - flux-ratio-extrapolated: the same with kustomize-controller's way to build; one path in a hundred,
//   - peak-MiB: the most memory that a process of its own held for a check.
func BenchmarkCheck(b *testing.B) {
	dir := b.TempDir()
	generateFleet(b, dir, bench)
	floor := timed(func() { decodeAll(b, dir) })
	kubectl := os.Getenv("KUBECTL")
	command := time.Duration(0)
	if kubectl != "" {
		command = sampled(b, dir, 50, func(path string) error {
			return exec.CommandContext(b.Context(), kubectl, "kustomize", path).Run()
		})
	}
	plain := sampled(b, dir, 10, func(path string) error {
		_, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), path)
		return err
	})
	flux := sampled(b, dir, 100, func(path string) error {
		_, err := kustomize.Build(filesys.MakeFsOnDisk(), path)
		return err
	})
	peak := childPeak(b, dir)
	files, loops := 0, 0
	for b.Loop() {
		files, loops = checkFleet(b, dir), loops+1
	}
	check := b.Elapsed() / time.Duration(loops)
	b.ReportMetric(float64(files), "files")
	b.ReportMetric(float64(check)/float64(floor), "floor-ratio")
	if kubectl != "" {
		b.ReportMetric(float64(command)/float64(check), "command-ratio-extrapolated")
	}
	b.ReportMetric(float64(plain)/float64(check), "kustomize-ratio-extrapolated")
	b.ReportMetric(float64(flux)/float64(check), "flux-ratio-extrapolated")
	b.ReportMetric(peak, "peak-MiB")
}

func checkFleet(tb testing.TB, dir string) (files int) {
	tb.Helper()
	res := check(tb, fluxrepo.Options{Paths: []string{dir}})
	if len(res.Releases) != 1 || len(res.Errors) > 0 {
		tb.Fatalf("%d releases, errors %v", len(res.Releases), res.Errors)
	}
	return res.Files
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// decodeAll reads and decodes every file once.
func decodeAll(b *testing.B, dir string) {
	b.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".yaml") {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for doc := range strings.SplitSeq(string(data), "\n---\n") {
			var v any
			if err := yaml.Unmarshal([]byte(doc), &v); err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// sampled builds the path of one Kustomization in every so many and says how long all of them would take.
func sampled(b *testing.B, dir string, every int, build func(path string) error) time.Duration {
	b.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "apps", "*", "*", "app"))
	if err != nil || len(paths) != bench.kustomizations-1 {
		b.Fatalf("%d paths, %v", len(paths), err)
	}
	return timed(func() {
		for i := 0; i < len(paths); i += every {
			if err := build(paths[i]); err != nil {
				b.Fatal(err)
			}
		}
	}) * time.Duration(every)
}

// childDir names the repository that a process of its own checks.
const childDir = "FLUXREPO_BENCH_DIR"

// TestMain is also the process that childPeak measures.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		res, err := fluxrepo.Check(context.Background(), fluxrepo.Options{Paths: []string{dir}})
		if err != nil || len(res.Releases) != 1 {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childPeak is the largest resident set of a process that checks the repository, in MiB.
func childPeak(b *testing.B, dir string) float64 {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("the system does not say how much memory a process used")
	}
	if runtime.GOOS == "darwin" { // it counts in bytes, others in KiB
		return float64(usage.Maxrss) / (1 << 20)
	}
	return float64(usage.Maxrss) / (1 << 10)
}
