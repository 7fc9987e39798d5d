package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// TestREADMEDoctor runs the doctor that the README shows, up to the checks that say nothing there.
func TestREADMEDoctor(t *testing.T) { //nolint:paralleltest // it changes the working directory
	t.Chdir("../..")
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	args := []string{
		"doctor", "--node-root", "examples/node", "--image", "registry.example.ts.net/team/app:v1", "--private-registry", "registry.example.ts.net",
	}
	if code := cli.Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != cli.ExitDenied {
		t.Errorf("exit code %d; want %d\n%s", code, cli.ExitDenied, stderr.String())
	}
	report, _, ok := strings.Cut(stdout.String(), "\n\nSKIP rollout")
	for _, want := range []string{"webhook " + strings.Join(args, " "), report} {
		if !ok || !bytes.Contains(readme, []byte(want)) {
			t.Errorf("README.md does not say:\n%s", want)
		}
	}
}

// The page is what the checks say, to the letter.
func TestDoctorPage(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := cli.Run(t.Context(), []string{"doctor", "--describe"}, strings.NewReader(""), &stdout, &stderr); code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	if page := file(t, "docs/doctor.md"); page != stdout.String() {
		t.Error("docs/doctor.md is out of date: run \"make generate\"")
	}
}

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
	for deadline := time.Now().Add(time.Minute); !strings.Contains(metrics, "spegel_guard_doctor_check{"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no metrics of a check within a minute:\n%s", metrics)
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
	if code := cli.Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != cli.ExitFailed || !strings.Contains(stdout.String(), "PASS reachability") {
		t.Errorf("exit code %d; want %d\n%s", code, cli.ExitFailed, stdout.String())
	}
}
