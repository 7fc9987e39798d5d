package node

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
)

// silent is an API server, and a node, that never answers.
type silent struct{}

func (silent) Get(ctx context.Context, _ client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	<-ctx.Done()
	return ctx.Err()
}

func (silent) List(ctx context.Context, _ client.ObjectList, _ ...client.ListOption) error {
	<-ctx.Done()
	return ctx.Err()
}

func (silent) ReadDir(ctx context.Context, _ string) ([]nodefs.Entry, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silent) ReadFile(ctx context.Context, _ string, _ int64) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silent) Log(ctx context.Context, _ int64) (nodefs.Log, error) {
	<-ctx.Done()
	return nodefs.Log{}, ctx.Err()
}

func (silent) Node() string { return "silent" }

func (silent) Remote() bool { return true }

func (silent) Now() time.Time { return time.Now() }

// slow is a node that takes its time, as one may through talosctl.
type slow struct{ Files }

func (s slow) ReadFile(ctx context.Context, name string, limit int64) ([]byte, error) {
	time.Sleep(reachTimeout - time.Second)
	return s.Files.ReadFile(ctx, name, limit)
}

// folder is a node of one file.
func folder(t *testing.T, name, text string) Files {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	root, err := OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// The time that a registry has is its own.
func TestSlowNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, err := Examine(t.Context(), []Files{slow{folder(t, "etc/hostname", "node-1\n")}}, Options{
			Image: "harbor.example.com/a:1",
			Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(2 * time.Second):
					return nil, net.ErrClosed
				}
			},
			Lookup: func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all[0] {
			if said := strings.Join(r.Evidence, "; "); r.Check == "reachability" && !strings.Contains(said, net.ErrClosed.Error()) {
				t.Error(said)
			}
		}
	})
}

// An API server that hangs keeps no file from being judged.
func TestSilentCluster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, err := Examine(t.Context(), []Files{folder(t, "etc/containerd/certs.d/_default/hosts.toml", "[host.'http://192.0.2.1:30020']\n")}, Options{
			Cluster: &Cluster{Reader: silent{}, Namespace: "apps"}, Image: "harbor.example.com/a:1",
			Dial:   func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed },
			Lookup: func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := all[0][0]; r.Status != Warn || !strings.Contains(strings.Join(r.Evidence, "; "), "sends containerd to Spegel") {
			t.Errorf("%s: %s %q", r.Check, r.Status, r.Evidence)
		}
	})
}

// A node that hangs is done with in time, and every check says something.
func TestSilentNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		all, err := Examine(t.Context(), []Files{&silent{}}, Options{
			Cluster: &Cluster{Reader: silent{}, Namespace: "apps"}, Image: "harbor.example.com/a:1",
			Dial:   func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed },
			Lookup: func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil },
		})
		if took := time.Since(start); err != nil || took > nodeTimeout+time.Second {
			t.Errorf("it took %s: %v", took, err)
		}
		if results := all[0]; len(results) != len(Checks()) || slices.ContainsFunc(results, func(r Result) bool { return len(r.Evidence) == 0 || r.Status == Fail && r.Check != "reachability" }) {
			t.Errorf("%+v", results)
		}
	})
}

// Many nodes that hang are done with in time too, each with a word on every check.
func TestManySilentNodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		nodes := make([]Files, 40)
		for i := range nodes {
			nodes[i] = &silent{}
		}
		all, err := Examine(t.Context(), nodes, Options{
			Cluster: &Cluster{Reader: silent{}, Namespace: "apps"}, Image: "harbor.example.com/a:1",
			Dial:   func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed },
			Lookup: func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil },
		})
		if took := time.Since(start); err != nil || took > runTimeout+time.Second || took < nodeTimeout {
			t.Errorf("it took %s: %v", took, err)
		}
		for i, results := range all {
			if len(results) != len(Checks()) || slices.ContainsFunc(results, func(r Result) bool { return len(r.Evidence) == 0 }) {
				t.Errorf("node %d: %+v", i, results)
			}
		}
		if last := all[len(all)-1][0]; last.Status != Skip || last.Evidence[0] != "no time was left for it: a node gets 4m0s, and all nodes of a run get 10m0s; name fewer" {
			t.Errorf("the last node: %+v", last)
		}
	})
}
