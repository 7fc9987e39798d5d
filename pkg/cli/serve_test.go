package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An expired certificate takes readiness away, and nothing else: the process lives on to take the next one.
func TestCertificateExpiresWhileServing(t *testing.T) {
	t.Parallel()
	p := serving(t, time.Hour)
	writePair(t, filepath.Dir(p.logs), 3*time.Second)
	p.await(t, "/readyz", http.StatusInternalServerError)
	if code := p.probe(t.Context(), "/healthz"); code != http.StatusOK {
		t.Errorf("liveness: %d", code)
	}
	time.Sleep(time.Second) // a few looks more
	if n := strings.Count(p.log(t), "certificate not accepted, readiness fails"); n != 1 {
		t.Errorf("the log says so %d times:\n%s", n, p.log(t))
	}
	writePair(t, filepath.Dir(p.logs), time.Hour)
	p.await(t, "/readyz", http.StatusOK)
}

// A file that loses its private registries is a valid policy, so the log is where it shows.
func TestReloadThatLeavesNoPrivateRegistry(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	set := func(rest string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\n"+rest), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set("privateRegistries: [harbor.example.com]\n")
	p := serving(t, time.Hour, "--config="+file)
	const warning = "no private registry is known"
	if strings.Contains(p.log(t), warning) {
		t.Fatalf("it knows one:\n%s", p.log(t))
	}
	set("")
	p.awaitLog(t, warning)
}

// When SIGTERM comes readiness fails, and reviews are answered for the delay that endpoints need to follow.
func TestServesOnWhileEndpointsPointHere(t *testing.T) {
	t.Parallel()
	p := serving(t, time.Hour, "--shutdown-delay=1h")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await(t, "/readyz", http.StatusInternalServerError)
	if err := p.review(t.Context()); err != nil {
		t.Errorf("a review after readiness failed: %v\n%s", err, p.log(t))
	}
}

// A review that has begun when serving ends is answered, and the program ends with 0.
func TestDrain(t *testing.T) {
	t.Parallel()
	began, draining := make(chan struct{}, 10), make(chan struct{})
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/configmaps/") {
			began <- struct{}{}
			select {
			case <-draining:
			case <-r.Context().Done(): // the review gave up reading
			}
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(api.Close)
	p := serving(t, time.Hour, "--shutdown-delay=1ms", "--kubeconfig="+kubeconfig(t, api))

	answered := make(chan error, 1)
	go func() { answered <- p.review(t.Context()) }()
	select {
	case <-began:
	case err := <-answered:
		t.Fatalf("the review asked nothing: %v\n%s", err, p.log(t))
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.awaitLog(t, `"msg":"draining"`)
	close(draining)
	if err := <-answered; err != nil {
		t.Errorf("the review in flight: %v\n%s", err, p.log(t))
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ends with %v\n%s", err, p.log(t))
	}
}
