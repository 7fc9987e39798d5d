package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// With --interval the outcome is offered as metrics until the program is told to end.
func TestDoctorMetrics(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan string, 1)
	go func() {
		var stdout, stderr bytes.Buffer
		code := cli.Run(ctx, []string{
			"doctor", "--node-root", "../../examples/node", "--private-registry", "*.example.ts.net", "--interval", "1m", "--metrics-bind-address", address,
		}, strings.NewReader(""), &stdout, &stderr)
		ended <- fmt.Sprintf("%d %s", code, stderr.String())
	}()
	metrics := ""
	for deadline := time.Now().Add(patience); !strings.Contains(metrics, "spegel_guard_doctor_check{"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no metrics of a check:\n%s", metrics)
		}
		if resp, err := http.Get("http://" + address + "/metrics"); err == nil {
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			metrics = string(text)
		}
	}
	for _, want := range []string{
		`spegel_guard_doctor_check{check="mirror-config",status="fail"} 1`,
		`spegel_guard_doctor_check{check="mirror-config",status="pass"} 0`,
		`spegel_guard_doctor_failed_runs_total 0`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	stop()
	if got := <-ended; !strings.HasPrefix(got, "0 ") || !strings.Contains(got, `"check":"mirror-config"`) {
		t.Errorf("it ended with %s", got)
	}
}

// That a registry has an address and answers does not mean that the node was looked at.
func TestDoctorSawNothing(t *testing.T) {
	t.Parallel()
	registry := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(registry.Close)
	var stdout, stderr bytes.Buffer
	args := []string{"doctor", "--node-root", t.TempDir(), "--image", registry.Listener.Addr().String() + "/a"}
	if code := cli.Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != cli.ExitFailed || !strings.Contains(stdout.String(), "WARN reachability") {
		t.Errorf("exit code %d; want %d\n%s", code, cli.ExitFailed, stdout.String())
	}
}

// TestDocumentedArchive makes an archive of a node with the command that the page shows. The report is that of the node, except for
// downloads, whose content is left out.
func TestDocumentedArchive(t *testing.T) {
	t.Parallel()
	_, command, ok := strings.Cut(file(t, "docs/doctor.md"), "$ tar -C / ")
	if !ok {
		t.Fatal("docs/doctor.md shows no tar")
	}
	command, _, _ = strings.Cut(command, "\n")
	root := t.TempDir()
	const store = "var/lib/containerd/io.containerd.content.v1.content/ingest/"
	for name, text := range map[string]string{
		"etc/hostname": "node-1\n", "etc/hosts": "192.0.2.7 other.example.com\n", "run/systemd/resolve/stub-resolv.conf": "nameserver 192.0.2.53\n",
		"etc/containerd/config.toml":                 "version = 3\nimports = ['conf.d/*.toml']\n",
		"etc/containerd/conf.d/x.toml":               "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n",
		"etc/docker/daemon.json":                     "{}",
		"etc/containerd/certs.d/_default/hosts.toml": "[host.'http://192.0.2.11:30020']\n",
		store + "aaaa/ref":                           "layer-sha256:4bcdff",
		store + "aaaa/updatedat":                     "2026-01-01T00:00:00Z",
		store + "aaaa/data":                          "half a layer",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../run/systemd/resolve/stub-resolv.conf", filepath.Join(root, "etc/resolv.conf")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tar := exec.CommandContext(t.Context(), "tar", append([]string{"-C", root}, strings.Fields(command)...)...)
	tar.Dir = dir
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	report := func(args ...string) map[string][]string {
		var stdout, stderr bytes.Buffer
		args = append([]string{"doctor", "-o", "json", "--image", "registry.invalid/a:1", "--private-registry", "registry.invalid"}, args...)
		if code := cli.Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != cli.ExitDenied {
			t.Fatalf("exit code %d\n%s", code, stderr.String())
		}
		var r struct {
			Checks []struct {
				Check    string
				Evidence []string
			}
		}
		if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out := map[string][]string{}
		for _, c := range r.Checks {
			out[c.Check] = c.Evidence
		}
		return out
	}
	node, archive := report("--node-root", root), report("--bundle", filepath.Join(dir, "node.tar.gz"))
	for _, check := range []string{"mirror-config", "resolution"} {
		if diff := cmp.Diff(node[check], archive[check]); diff != "" {
			t.Errorf("%s (-node +archive):\n%s", check, diff)
		}
	}
	if !slices.Contains(archive["dns"], "the node's /etc/resolv.conf names 192.0.2.53") {
		t.Errorf("%q", archive["dns"])
	}
	if got := strings.Join(archive["stale-ingests"], " "); got != "of 1 downloads it is not known whether they go on: their data is not there to look at" {
		t.Error(got)
	}
}
