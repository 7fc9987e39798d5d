package monitoring_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// nodeFails has doctor look at a node that sends containerd to Spegel for private registries, as components/node-doctor does.
func (r *run) nodeFails(t *testing.T, c component) {
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	doctor := exec.CommandContext(t.Context(), filepath.Join(root, ".cache/bin/spegel-guard"), "doctor", "--node-root", filepath.Join(root, "examples/node"),
		"--private-registry", "*.example.ts.net", "--interval", "1h", "--metrics-bind-address", address)
	if err := doctor.Start(); err != nil {
		t.Fatal(err)
	}
	s := scrape{Labels: c.node}
	eventually(t, "doctor has looked", func() bool {
		s.Text, err = get(t, "http://"+address+"/metrics")
		return err == nil && strings.Contains(s.Text, `spegel_guard_doctor_check{`)
	})
	_ = doctor.Process.Kill()
	_ = doctor.Wait()
	r.doctor = &s
	r.examined(t, 0)
	r.pass(t, 10*time.Minute)
	r.expect(t, c, "a check fails on a node, for some minutes")
	r.pass(t, 10*time.Minute)
	r.expect(t, c, "a check fails on a node", "SpegelGuardNodeCheckFails")
	r.pass(t, 30*time.Minute)
	r.expect(t, c, "and the node is not examined any more", "SpegelGuardNodeCheckFails", "SpegelGuardNodeNotExamined")
	for failed := range 5 {
		r.examined(t, failed)
		r.pass(t, 5*time.Minute)
		if failed < 2 {
			r.expect(t, c, "a run has failed", "SpegelGuardNodeCheckFails")
		}
	}
	r.expect(t, c, "runs keep failing", "SpegelGuardNodeCheckFails", "SpegelGuardNodeNotExamined")
	r.doctor = nil
	r.pass(t, quiet)
	r.expect(t, c, "the node is gone")
}

// examined has doctor say that an examination has just ended, and how many have failed: the test's time is not that of the program.
func (r *run) examined(t *testing.T, failed int) {
	t.Helper()
	for name, value := range map[string]float64{"last_run_timestamp_seconds": seconds(r.now), "failed_runs_total": float64(failed)} {
		line := regexp.MustCompile(`(?m)^(spegel_guard_doctor_` + name + `) .*$`)
		if !line.MatchString(r.doctor.Text) {
			t.Fatalf("doctor serves no %s", name)
		}
		r.doctor.Text = line.ReplaceAllString(r.doctor.Text, fmt.Sprintf("$1 %f", value))
	}
}
