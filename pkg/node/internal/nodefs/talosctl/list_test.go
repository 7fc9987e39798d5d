package talosctl

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
)

// What talosctl printed in three of its versions.
func TestParseList(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := []nodefs.Entry{
		{Name: "_default", Type: fs.ModeDir, Size: 4096, ModTime: time.Date(2026, 2, 28, 9, 5, 7, 0, time.UTC)},
		{Name: "a name with spaces", Size: 12, ModTime: time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC)},
		{Name: "link", Type: fs.ModeSymlink, Size: 7, ModTime: time.Date(2024, 2, 29, 1, 2, 0, 0, time.UTC)},
		{Name: "pipe", Type: fs.ModeIrregular},
	}
	for _, version := range []string{"1.0", "1.5", "1.10"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			out, err := os.ReadFile("testdata/talosctl-list-" + version + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			got, err := parseList(out, now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for name, out := range map[string]string{
		"another program":  "total 0\ndrwxr-xr-x 2 root wheel 40 Mar 1 12:00 x\n",
		"a line cut short": "NODE   MODE   SIZE(B)   LASTMOD   NAME\nn   -rw",
		"a size in words":  "NODE   MODE         SIZE(B)   LASTMOD   NAME\nn      -rw-------   4 kB      now       x\n",
	} {
		if got, err := parseList([]byte(out), now); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
