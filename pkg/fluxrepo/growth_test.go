package fluxrepo_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// crowds are files that grow in ways that somebody who means harm would choose.
var crowds = map[string]func(n int) string{
	"releases with a variable each": func(n int) string {
		return crowd(n, func(i int) string { return fmt.Sprintf("values: {spegel: {mirroredRegistries: '${X%d}'}}", i) })
	},
	"releases with a variable each, in vain": func(n int) string {
		return crowd(n, func(i int) string { return fmt.Sprintf("values: {a: '${X%d}'}", i) })
	},
	"releases with a ConfigMap each": func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: v%d}\ndata: {values.yaml: 'spegel: {registries: [\"${X%d}\"]}'}\n", i, i)
		}
		return b.String() + crowd(n, func(i int) string { return fmt.Sprintf("valuesFrom: [{kind: ConfigMap, name: v%d}]", i) })
	},
	"releases that can't be read": func(n int) string {
		return crowd(n, func(i int) string { return fmt.Sprintf("valuesFrom: %d", i) })
	},
	"entries with a variable each": func(n int) string {
		return crowd(1, func(int) string {
			return "values:\n    spegel:\n      mirroredRegistries:\n" + lines(n, "        - https://${X%d}\n")
		})
	},
	"entries that are refused": func(n int) string {
		return crowd(1, func(int) string {
			return "values:\n    spegel:\n      mirroredRegistries:\n" + lines(n, "        - https://r%d.example.com/\n")
		})
	},
	"keys with a variable each": func(n int) string {
		return crowd(1, func(int) string { return "values:\n" + lines(n, "    '${X%d}': {'m${Y%[1]d}': 1}\n") })
	},
	"expressions without an end": func(n int) string {
		return crowd(1, func(int) string { return "values: {a: '" + strings.Repeat("${a", n) + "'}" })
	},
}

func crowd(n int, spec func(i int) string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "---\n%s  %s\n", strings.ReplaceAll(quickStart, "name: spegel", fmt.Sprintf("name: spegel%d", i)), spec(i))
	}
	return b.String()
}

func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestWorkGrowsWithTheFile compares a file with one that is eight times as large, or four, by what is allocated: what
// grows with the square of the size is 64 times as much, or 16.
func TestWorkGrowsWithTheFile(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	more, most := 8, uint64(20)
	if testing.Short() {
		more, most = 4, 10
	}
	for name, text := range crowds {
		allocated := func(n int) (objects, bytes uint64) {
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "hr.yaml"), text(n))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			check(t, fluxrepo.Options{Paths: []string{root}, Workers: 1}, "harbor.example.com")
			runtime.ReadMemStats(&after)
			return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
		}
		allocated(1) // what is made once for the process
		objects, bytes := allocated(100)
		moreObjects, moreBytes := allocated(100 * more)
		t.Logf("%s: %d objects and %d KiB, then %d and %d KiB", name, objects, bytes>>10, moreObjects, moreBytes>>10)
		if moreObjects > most*objects || moreBytes > most*bytes {
			t.Errorf("%s: want at most %d times as much", name, most)
		}
	}
}

// TestALongLineEnds: a million expressions without an end are looked at once, and not once for each.
func TestALongLineEnds(t *testing.T) {
	t.Parallel()
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "hr.yaml"), crowds["expressions without an end"](n))
	if got := check(t, fluxrepo.Options{Paths: []string{root}}, "harbor.example.com"); len(got.Releases) != 1 {
		t.Errorf("got %d releases; want one", len(got.Releases))
	}
}

// TestACancelledCheckEnds cancels a check while it judges: it ends long before it would be done.
func TestACancelledCheckEnds(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "hr.yaml"), crowds["releases with a ConfigMap each"](1000))
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64
	_, err := fluxrepo.Check(&afterCalls{Context: ctx, do: func() {
		if calls.Add(1) == 100 {
			cancel()
		}
	}}, fluxrepo.Options{Paths: []string{root}, Workers: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v; want that the check was cancelled", err)
	}
	if n := calls.Load(); n > 200 {
		t.Errorf("asked %d times if it was cancelled; want that the first yes ends it", n)
	}
}

// afterCalls is a context that does something whenever it is asked if it was cancelled.
type afterCalls struct {
	context.Context //nolint:containedctx // it is one
	do              func()
}

func (c *afterCalls) Err() error {
	c.do()
	return c.Context.Err()
}
