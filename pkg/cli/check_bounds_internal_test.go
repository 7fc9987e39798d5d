package cli

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// TestBounds runs jobs that nothing can interrupt, until the test tells them to end.
func TestBounds(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	ended, end := context.WithCancel(context.Background()) // the jobs end after all rows
	t.Cleanup(end)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	forever := func(context.Context) (int, error) {
		for ended.Err() == nil { // it works, and does not wait
		}
		return 1, nil
	}
	grows := func(context.Context) (int, error) {
		var kept [][]byte
		for ended.Err() == nil {
			kept = append(kept, make([]byte, mib))
			time.Sleep(time.Millisecond)
		}
		return len(kept), nil
	}
	for name, c := range map[string]struct {
		ctx  context.Context //nolint:containedctx // a row is a call
		most bounds
		job  func(context.Context) (int, error)
		want string // in the error
	}{
		"a job that ends":              {t.Context(), bounds{time.Hour, 1 << 40}, func(context.Context) (int, error) { return 1, nil }, ""},
		"a job that fails":             {t.Context(), bounds{time.Hour, 1 << 40}, func(context.Context) (int, error) { return 0, io.EOF }, "EOF"},
		"a job that never ends":        {t.Context(), bounds{50 * time.Millisecond, 1 << 40}, forever, "gave up after 50ms of processor time"},
		"a job that grows":             {t.Context(), bounds{time.Hour, memory() + 64*mib}, grows, " MiB of memory"},
		"a job that is told to stop":   {stopped, bounds{time.Hour, 1 << 40}, forever, context.Canceled.Error()},
		"any time, but not any memory": {t.Context(), bounds{0, memory() + 64*mib}, grows, " MiB of memory"},
		"a job that may take any time": {t.Context(), bounds{0, 1 << 40}, func(context.Context) (int, error) { time.Sleep(50 * time.Millisecond); return 1, nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := within(c.ctx, c.most, c.job)
			switch {
			case c.want == "" && (err != nil || got != 1):
				t.Errorf("got %d, %v; want 1", got, err)
			case c.want != "" && (err == nil || got != 0 || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %d, %v; want an error with %q", got, err, c.want)
			}
		})
	}
}
