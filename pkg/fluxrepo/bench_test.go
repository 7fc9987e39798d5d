package fluxrepo_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/kustomize"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// bench is the repository of the benchmarks: about 35,000 files and 2,000 Kustomizations.
var bench = fleet{kustomizations: 2000, files: 18}

var benchRepository = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "fluxrepo-bench")
	if err != nil {
		panic(err)
	}
	return dir
})

func benchDir(b *testing.B) string {
	b.Helper()
	dir := benchRepository()
	if _, err := os.Stat(filepath.Join(dir, "flux")); err != nil {
		generateFleet(b, dir, bench)
	}
	return dir
}

// BenchmarkCheck is a check of the whole repository. peak-MiB is the most memory that the Go runtime held
// from the system for its heap.
func BenchmarkCheck(b *testing.B) {
	dir := benchDir(b)
	runtime.GC()
	stop := make(chan struct{})
	var peak uint64
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	for b.Loop() {
		res := check(b, fluxrepo.Options{Paths: []string{dir}})
		if len(res.Releases) != 1 || len(res.Errors) > 0 {
			b.Fatalf("%d releases, errors %v", len(res.Releases), res.Errors)
		}
		b.ReportMetric(float64(res.Files), "files")
	}
	close(stop)
	wg.Wait()
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// BenchmarkFloor reads and decodes every file once.
func BenchmarkFloor(b *testing.B) {
	dir := benchDir(b)
	for b.Loop() {
		eachYAML(b, dir, func(_ string, data []byte) {
			for doc := range strings.SplitSeq(string(data), "\n---\n") {
				var v any
				if err := yaml.Unmarshal([]byte(doc), &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkKustomizeBuild builds, as kustomize-controller does, the path of one Kustomization in fifty; all of them take fifty times as
// long.
func BenchmarkKustomizeBuild(b *testing.B) {
	paths, err := filepath.Glob(filepath.Join(benchDir(b), "apps", "*", "*", "app"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for i := 0; i < len(paths); i += 50 {
			if _, err := kustomize.Build(filesys.MakeFsOnDisk(), paths[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func eachYAML(b *testing.B, dir string, visit func(name string, data []byte)) {
	b.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".yaml") {
			return err
		}
		data, err := os.ReadFile(p)
		visit(p, data)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}
