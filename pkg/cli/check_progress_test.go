package cli_test

import (
	"bytes"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seen  bool
		after []time.Duration // between the calls
		want  string
	}{
		"a check that takes a second shows none":         {true, []time.Duration{0, time.Second - 1}, ""},
		"a longer one shows how far it is, and clears":   {true, []time.Duration{0, time.Second}, "\r\x1b[Kchecking, 2 files read\r\x1b[K"},
		"not for each file":                              {true, []time.Duration{time.Second, time.Millisecond, time.Millisecond}, "\r\x1b[Kchecking, 1 files read\r\x1b[K"},
		"but again and again":                            {true, []time.Duration{time.Second, time.Second}, "\r\x1b[Kchecking, 1 files read\r\x1b[Kchecking, 2 files read\r\x1b[K"},
		"without a terminal there is none, ever so long": {false, []time.Duration{time.Hour}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				show, end := cli.NewProgress(&out, c.seen)
				for i, d := range c.after {
					time.Sleep(d)
					show(i + 1)
				}
				end()
				if got := out.String(); got != c.want {
					t.Errorf("got %q; want %q", got, c.want)
				}
			})
		})
	}
}

func TestProgressMayComeFromAnywhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(*testing.T) {
		show, end := cli.NewProgress(&bytes.Buffer{}, true)
		time.Sleep(time.Minute)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() { show(i) })
		}
		wg.Wait()
		end()
	})
}
