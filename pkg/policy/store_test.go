package policy_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

const interval = 10 * time.Second

// watched is a store whose clock stands still but in look.
type watched struct {
	*policy.Store
	reports chan string // "good", or what was wrong with a version; since the last look
}

// watch is to be called inside of synctest.Test.
func watch(t *testing.T, path string, flags ...string) *watched {
	t.Helper()
	store, err := policy.Open(path, flags)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{Store: store, reports: make(chan string, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go store.Watch(ctx, interval, func(err error) {
		report := "good"
		if err != nil {
			report = strings.ReplaceAll(err.Error(), filepath.Dir(path), "DIR")
		}
		w.reports <- report
	})
	return w
}

// look lets Watch look at the file a few times, and checks what it reported and what is in force.
func (w *watched) look(t *testing.T, inForce policy.Unresolved, reports ...string) {
	t.Helper()
	time.Sleep(3*interval + interval/2)
	synctest.Wait()
	var got []string
	for len(w.reports) > 0 {
		got = append(got, <-w.reports)
	}
	if diff := cmp.Diff(reports, got); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	if got := w.Current().Unresolved; got != inForce {
		t.Errorf("in force is unresolved: %s, want %s", got, inForce)
	}
}

func TestWatchPutsAGoodVersionInForceAndRefusesABadOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		w := watch(t, write(t, dir, head), "a.example")
		start := w.Since()
		w.look(t, policy.UnresolvedWarn)
		if !w.Since().Equal(start) {
			t.Errorf("the policy in force is of %s, and the file was not changed since %s", w.Since(), start)
		}

		changed := time.Now()
		write(t, dir, head+"unresolved: deny\n")
		w.look(t, policy.UnresolvedDeny, "good")
		good := w.Since()
		if age := good.Sub(changed); age <= 0 || age > interval {
			t.Errorf("the new version is in force since %s after the change", age)
		}

		write(t, dir, head+"unresolved: warn\nrules: {foo: off}\n")
		w.look(t, policy.UnresolvedDeny, "DIR/policy.yaml:4: rules.foo: "+wantRules)
		write(t, dir, head+"unresolved: [\n")
		w.look(t, policy.UnresolvedDeny, "DIR/policy.yaml:3: not YAML: did not find expected node content")
		write(t, dir, "")
		w.look(t, policy.UnresolvedDeny, "DIR/policy.yaml:1: empty; want apiVersion: spegel-guard.dev/v1alpha1 and kind: Policy")
		if !w.Since().Equal(good) {
			t.Errorf("the last good version is of %s, and the store says %s", good, w.Since())
		}

		write(t, dir, head+"unresolved: warn\n")
		w.look(t, policy.UnresolvedWarn, "good")
		if got := w.Current().PrivateRegistries; len(got) != 1 || got[0].String() != "a.example" {
			t.Errorf("after all that the private registries of the flags are %v", got)
		}
	})
}

func TestWatchKeepsTheLastGoodVersionWhileTheFileIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := write(t, dir, head+"unresolved: deny\n")
		w := watch(t, path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		w.look(t, policy.UnresolvedDeny, "policy: open DIR/policy.yaml: no such file or directory")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		w.look(t, policy.UnresolvedDeny, "policy: read DIR/policy.yaml: is a directory")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		write(t, dir, head+"unresolved: deny\n")
		w.look(t, policy.UnresolvedDeny, "good")
	})
}

// The kubelet mounts a ConfigMap as links to ..data, itself a link to a directory of the version, and
// renames a new ..data over the old one.
func TestWatchSeesTheSwapOfAMountedConfigMap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		swap := func(version, content string) {
			if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, version), content)
			if err := os.Symlink(version, filepath.Join(dir, "..data_tmp")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
				t.Fatal(err)
			}
		}
		swap("..2026_01", head)
		path := filepath.Join(dir, "policy.yaml")
		if err := os.Symlink(filepath.Join("..data", "policy.yaml"), path); err != nil {
			t.Fatal(err)
		}
		w := watch(t, path)
		swap("..2026_02", head+"unresolved: deny\n")
		w.look(t, policy.UnresolvedDeny, "good")
		swap("..2026_03", head+"unresolved: off\n")
		w.look(t, policy.UnresolvedDeny, `DIR/policy.yaml:3: unresolved: "off"; want warn or deny`)
		if err := os.RemoveAll(filepath.Join(dir, "..2026_03")); err != nil {
			t.Fatal(err)
		}
		w.look(t, policy.UnresolvedDeny, "policy: open DIR/policy.yaml: no such file or directory")
		swap("..2026_04", head)
		w.look(t, policy.UnresolvedWarn, "good")
	})
}

func TestWatchEndsAtOnceWithoutAFile(t *testing.T) {
	t.Parallel()
	store, err := policy.Open("", []string{"a.example"})
	if err != nil {
		t.Fatal(err)
	}
	store.Watch(t.Context(), time.Nanosecond, func(err error) { t.Errorf("a report: %v", err) })
	if got := store.Current().PrivateRegistries; len(got) != 1 || got[0].String() != "a.example" {
		t.Errorf("the private registries are %v", got)
	}
}
