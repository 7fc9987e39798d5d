//go:build !race

package cli_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Many connections that send a header of 1 MB don't take the program beyond its limit, whatever the port, and keep out nobody.
func TestManyLargeHeaders(t *testing.T) { //nolint:paralleltest // it measures what one program takes
	for name, flag := range map[string]string{"health": "", "metrics": "--metrics-bind-address="} { //nolint:paralleltest // one after the other
		t.Run(name, func(t *testing.T) {
			address, args := freeAddress(t), []string{}
			if flag != "" {
				args = append(args, flag+address)
			}
			p := servingWith(t, time.Hour, []string{goMemoryLimit}, args...)
			if flag == "" {
				address = strings.TrimPrefix(p.health, "http://")
			}
			p.awaitPort(t, address)
			var wg sync.WaitGroup
			for range 400 {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				wg.Go(func() {
					_ = conn.SetDeadline(time.Now().Add(patience))
					_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-A: ")
					_, _ = conn.Write(bytes.Repeat([]byte("a"), 1_000_000))
				})
			}
			wg.Wait()
			if code := p.probe(t.Context(), "/healthz"); code != http.StatusOK {
				t.Errorf("a probe beside them: %d", code)
			}
			p.checkMemory(t)
		})
	}
}

// Metrics are for anyone, or over TLS for who the API server says may get them.
func TestMetricsServer(t *testing.T) {
	t.Parallel()
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body) // protobuf, but strings stand in it as they are, and the token is the account's name
		account := map[bool]string{true: "good", false: "other"}[strings.Contains(string(text), "good")]
		answer := `{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":true,"user":{"username":"` + account + `"}}}`
		if strings.HasSuffix(r.URL.Path, "/subjectaccessreviews") {
			answer = fmt.Sprintf(`{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":%t}}`, account == "good")
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(api.Close)
	plain, secure := freeAddress(t), freeAddress(t)
	serving(t, time.Hour, "--metrics-bind-address="+plain).awaitPort(t, plain)
	serving(t, time.Hour, "--metrics-bind-address="+secure, "--metrics-secure", "--kubeconfig="+kubeconfig(t, api)).awaitPort(t, secure)
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	get := func(url, token string, code int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != code || resp.ProtoMajor != 1 || (code == http.StatusOK) != strings.Contains(string(text), "spegel_guard_") {
			t.Errorf("%s with token %q: %s %s, %v; want %d\n%.300s", url, token, resp.Proto, resp.Status, err, code, text)
		}
	}
	for _, c := range []struct {
		url, token string
		code       int
	}{
		{"http://" + plain + "/metrics", "", http.StatusOK},
		{"http://" + plain + "/", "", http.StatusNotFound},
		{"https://" + secure + "/metrics", "", http.StatusUnauthorized},
		{"https://" + secure + "/metrics", "other", http.StatusForbidden},
		{"https://" + secure + "/metrics", "good", http.StatusOK},
		{"http://" + secure + "/metrics", "good", http.StatusBadRequest},
	} {
		get(c.url, c.token, c.code)
	}
	api.Close()
	get("https://"+secure+"/metrics", "good, and not asked about before", http.StatusServiceUnavailable)
}
