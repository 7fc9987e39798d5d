//go:build unix

package fluxrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fluxcd/pkg/kustomize"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// benchmarked is a generated repository, with what a check of it may cost.
type benchmarked struct {
	name     string
	generate func(tb testing.TB, root string)
	releases int
	folders  string // that Kustomizations build
	sample   int    // of them one in so many is built, and the time multiplied
	maxRatio float64
	maxMiB   float64
}

func benchmarkedRepositories() []benchmarked {
	return []benchmarked{
		{"one root lists 130 Kustomizations", generateHome, 1, "kubernetes/apps/*/*/app", 1, 3, 60},
		{"2,000 Kustomizations in 100 folders", func(tb testing.TB, root string) {
			tb.Helper()
			generateFleet(tb, root, fleet{kustomizations: 2000, files: 18})
		}, 1, "apps/*/*/app", 10, 0.5, 200},
	}
}

// rounds is how often each way is gone, in turns, so that whatever else the machine does hits all of them alike.
const rounds = 3

// BenchmarkCheck measures what a check takes of the processor, beside other ways to read the same repository and in
// the same run: to read and decode each YAML file once, to build every Kustomization in a process that is warm, and to
// check with --all. A ratio is to reading and decoding, and the median over the rounds. $PERFORMANCE names the page
// that the results are written to; "make bench-check" sets it.
func BenchmarkCheck(b *testing.B) {
	var rows []string
	for _, r := range benchmarkedRepositories() {
		b.Run(r.name, func(b *testing.B) { rows = append(rows, r.run(b)) })
	}
	if page := os.Getenv("PERFORMANCE"); page != "" && !b.Failed() {
		writeSection(b, page, rows)
	}
}

func (r benchmarked) run(b *testing.B) (row string) {
	b.Helper()
	root := b.TempDir()
	r.generate(b, root)
	built, err := filepath.Glob(filepath.Join(root, r.folders))
	if err != nil || len(built) == 0 {
		b.Fatalf("no folders to build: %v", err)
	}
	peak, files := r.peak(b, root), 0
	var checked, all, every []float64
	for b.Loop() {
		for range rounds {
			floor := processor(b, func() { files = decodeAll(b, root) })
			checked = append(checked, processor(b, func() { r.check(b, root, false) })/floor)
			all = append(all, processor(b, func() { r.check(b, root, true) })/floor)
			every = append(every, float64(r.sample)*processor(b, func() {
				for i := 0; i < len(built); i += r.sample {
					if _, err := kustomize.Build(filesys.MakeFsOnDisk(), built[i]); err != nil {
						b.Fatal(err)
					}
				}
			})/floor)
		}
	}
	b.ReportMetric(median(checked), "check-ratio")
	b.ReportMetric(median(every), "build-ratio")
	b.ReportMetric(median(all), "all-ratio")
	b.ReportMetric(peak, "peak-MiB")
	return fmt.Sprintf("| %s | %d | %s | %.1f | %.1f | %s |\n", r.name, files,
		held("%.2f", median(checked), r.maxRatio), median(every), median(all), held("%.0f MiB", peak, r.maxMiB))
}

// held is a number beside the aim that it should not go beyond.
func held(format string, measured, aim float64) string {
	holds := "holds"
	if measured > aim {
		holds = "**does not hold**"
	}
	return fmt.Sprintf(format+" (at most "+strings.Replace(format, "%.2f", "%g", 1)+": %s)", measured, aim, holds)
}

func (r benchmarked) check(b *testing.B, root string, all bool) {
	b.Helper()
	res := check(b, fluxrepo.Options{Paths: []string{root}, All: all}, "harbor.example.com")
	if len(res.Releases) != r.releases || len(res.Errors) > 0 {
		b.Fatalf("%d releases, errors %v", len(res.Releases), res.Errors)
	}
}

func median(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }

// processor is how much of the processor something takes, in seconds, with what it leaves to be collected.
func processor(b *testing.B, f func()) float64 {
	b.Helper()
	runtime.GC()
	seconds := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	before := seconds()
	f()
	return max(seconds()-before, 1e-6)
}

// decodeAll reads and decodes every file once.
func decodeAll(b *testing.B, root string) (files int) {
	b.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".yaml") {
			return err
		}
		files++
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
	return files
}

// childDir names the repository that a process of its own checks.
const childDir = "FLUXREPO_BENCH_DIR"

// TestMain is also the process whose memory is measured.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		res, err := fluxrepo.Check(context.Background(), fluxrepo.Options{Paths: []string{dir}})
		if err != nil || len(res.Releases) == 0 {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// peak is the largest resident set of a process that checks the repository, in MiB.
func (r benchmarked) peak(b *testing.B, root string) float64 {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+root)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal(errors.New("the system does not say how much memory a process used"))
	}
	if runtime.GOOS == "darwin" { // it counts in bytes, others in KiB
		return float64(usage.Maxrss) / (1 << 20)
	}
	return float64(usage.Maxrss) / (1 << 10)
}

const (
	beginCheck = "<!-- begin: written by make bench-check -->\n"
	endCheck   = "<!-- end: written by make bench-check -->\n"
)

// writeSection writes the part of the page that is this benchmark's.
func writeSection(b *testing.B, page string, rows []string) {
	b.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		b.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), beginCheck)
	_, after, ends := strings.Cut(rest, endCheck)
	if !begins || !ends {
		b.Fatalf("%s has no place for the results", page)
	}
	section := fmt.Sprintf("\nMachine: %d cores, %s/%s, %s.\n\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()) +
		"| repository | files | check | build every Kustomization | check --all | peak memory of a check |\n|---|--:|---|--:|--:|---|\n" + strings.Join(rows, "") + "\n"
	if err := os.WriteFile(page, []byte(before+beginCheck+section+endCheck+after), 0o600); err != nil {
		b.Fatal(err)
	}
}
