package fluxrepo_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// TestTimeGrowsWithTheFile compares a file with one that is eight times as large: with the square of the
// size it takes 64 times as long.
func TestTimeGrowsWithTheFile(t *testing.T) { //nolint:paralleltest // it measures time
	for name, text := range crowds {
		best := func(n int) time.Duration {
			root := t.TempDir()
			writeFile(t, filepath.Join(root, "hr.yaml"), text(n))
			best := time.Hour
			for range 2 { // the machine may have been busy
				start := time.Now()
				check(t, fluxrepo.Options{Paths: []string{root}}, "harbor.example.com")
				best = min(best, time.Since(start))
			}
			return best
		}
		var small, large time.Duration
		for try := range 3 {
			small, large = max(best(100), 10*time.Millisecond), best(800)
			if large < 20*small {
				break
			} else if try == 2 {
				t.Errorf("%s: %v for 100, %v for 800", name, small, large)
			}
		}
		t.Logf("%s: %v and %v", name, small, large)
	}
}

// TestACancelledCheckEnds cancels a check while it judges: it ends long before it would be done.
func TestACancelledCheckEnds(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "hr.yaml"), crowds["releases with a ConfigMap each"](5000))
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
