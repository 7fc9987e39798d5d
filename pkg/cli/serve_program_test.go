package cli_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
)

// patience is how long what must come may take on a machine that is busy with other things.
const patience = 5 * time.Minute

// program is "spegel-guard serve", run as a process of its own.
type program struct {
	url, health string
	client      *http.Client
	cmd         *exec.Cmd
	logs        string // a file
}

// serving starts the program with a certificate of this life, and waits until it is ready.
func serving(t *testing.T, life time.Duration, args ...string) *program {
	t.Helper()
	return servingWith(t, life, nil, args...)
}

// servingWith is the same with more in its environment.
func servingWith(t *testing.T, life time.Duration, env []string, args ...string) *program {
	t.Helper()
	dir := t.TempDir()
	writePair(t, dir, life)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "spegel-guard") // TestMain goes by the name
	if err := os.Symlink(self, binary); err != nil {
		t.Fatal(err)
	}
	p := &program{logs: filepath.Join(dir, "log"), client: &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // what is served is not the point here
	}}}
	webhook, health := freeAddress(t), freeAddress(t)
	_, port, _ := net.SplitHostPort(webhook)
	p.url, p.health = "https://"+webhook+admission.Path, "http://"+health
	p.cmd = exec.CommandContext(t.Context(), binary, append([]string{
		"serve", "--cert-dir=" + dir, "--webhook-host=127.0.0.1", "--webhook-port=" + port, "--health-probe-bind-address=" + health,
		"--metrics-bind-address=0", "--certificate-check-interval=200ms",
	}, args...)...)
	p.cmd.Env = append(append(os.Environ(), "GOGC="), env...) // as a pod has it, whatever the tests run with
	log, err := os.Create(p.logs)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.await(t, "/readyz", http.StatusOK)
	return p
}

func (p *program) probe(ctx context.Context, path string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.health+path, http.NoBody)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func (p *program) await(t *testing.T, path string, code int) {
	t.Helper()
	p.until(t, fmt.Sprintf("%s is %d", path, code), func() bool { return p.probe(t.Context(), path) == code })
}

func (p *program) awaitLog(t *testing.T, text string) {
	t.Helper()
	p.until(t, "the log says "+text, func() bool { return strings.Contains(p.log(t), text) })
}

// awaitPort waits for a port that readiness says nothing of.
func (p *program) awaitPort(t *testing.T, address string) {
	t.Helper()
	p.until(t, "a server at "+address, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (p *program) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not seen after %s: %s\n%s", patience, what, p.log(t))
		}
	}
}

func (p *program) log(t *testing.T) string {
	t.Helper()
	log, err := os.ReadFile(p.logs)
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

func writePair(t *testing.T, dir string, life time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{DNSNames: []string{"localhost"}, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(life)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func kubeconfig(t *testing.T, api *httptest.Server) string {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})
	dir := t.TempDir()
	caFile, file := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
clusters: [{name: a, cluster: {server: %q, certificate-authority: %q}}], users: [{name: a, user: {token: x}}]}`, api.URL, caFile)
	for name, content := range map[string][]byte{caFile: ca, file: []byte(text)} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// review sends a release whose values lie in a ConfigMap, and wants to hear that they are unresolved.
func (p *program) review(ctx context.Context) error {
	return p.reviewOf(ctx, `[{"kind":"ConfigMap","name":"values"}]`)
}

// reviewOf is the same with these valuesFrom.
func (p *program) reviewOf(ctx context.Context, valuesFrom string) error {
	code, text, err := p.post(ctx, reviewOf(`"valuesFrom":`+valuesFrom))
	if err != nil || code != http.StatusOK || !strings.Contains(text, `"allowed":true`) || !strings.Contains(text, "unresolved") {
		return fmt.Errorf("%d %s %w", code, text, err)
	}
	return nil
}

// reviewOf is a review of a release with this in its spec.
func reviewOf(values string) string {
	return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE",
"kind":{"group":"helm.toolkit.fluxcd.io","version":"v2","kind":"HelmRelease"},"namespace":"a","name":"spegel",
"object":{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"name":"spegel","namespace":"a"},
"spec":{"chart":{"spec":{"chart":"spegel"}},` + values + `}}}}`
}

// post sends a body as a review. HTTP/2 is not spoken, though the client would.
func (p *program) post(ctx context.Context, body string) (code int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.ProtoMajor != 1 {
		return 0, "", fmt.Errorf("the answer is in %s", resp.Proto)
	}
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer), err
}
