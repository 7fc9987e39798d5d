package monitoring_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// slow gives a third replica an API server that takes connections and never answers, and asks it for reviews.
func (r *run) slow(t *testing.T, c component) {
	w := r.spare
	w.Args = append(w.Args, "--kubeconfig="+silentAPIServer(t))
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.replicas = append(r.replicas, w)
	for range 4 {
		review(t, w, r.replicas[0].CA())
		r.pass(t, 6*time.Minute)
	}
	r.expect(t, c, "every read runs into its deadline", "SpegelGuardSlow")
	r.crowd(t, w)
	r.pass(t, 6*time.Minute)
	r.expect(t, c, "and there is no room for more", "SpegelGuardSlow", "SpegelGuardTurnsAway")
	r.pass(t, quiet)
	r.expect(t, c, "no review for hours")
	if err := w.Stop(); err != nil {
		t.Fatal(err)
	}
	r.replicas = r.replicas[:2]
}

// silentAPIServer returns a kubeconfig.
func silentAPIServer(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	config := clientcmdapi.NewConfig()
	config.Clusters["silent"] = &clientcmdapi.Cluster{Server: "http://" + listener.Addr().String()}
	config.Contexts["silent"] = &clientcmdapi.Context{Cluster: "silent"}
	config.CurrentContext = "silent"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// review has a replica answer one review, that what it reads is unresolved.
func review(t *testing.T, w *cluster.Webhook, ca []byte) {
	t.Helper()
	if code, answer := send(t, w, ca, ""); !strings.Contains(answer, "unresolved") {
		t.Errorf("%d: %s", code, answer)
	}
}

// crowd sends more at the same time than a replica has room for, while each review waits for its read.
func (r *run) crowd(t *testing.T, w *cluster.Webhook) {
	t.Helper()
	var turnedAway atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if code, _ := send(t, w, r.replicas[0].CA(), strings.Repeat("x", 2<<20)); code == http.StatusTooManyRequests {
				turnedAway.Add(1)
			}
		})
	}
	wg.Wait()
	if turnedAway.Load() == 0 {
		t.Error("20 reviews of 2 MiB each were answered, and none with 429")
	}
}

// send sends a review as the API server would, of a release whose values lie in a ConfigMap, with this much more in it.
func send(t *testing.T, w *cluster.Webhook, ca []byte, more string) (code int, answer string) {
	t.Helper()
	configuration, err := w.Configuration()
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	body := `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE",` +
		`"kind":{"group":"helm.toolkit.fluxcd.io","version":"v2","kind":"HelmRelease"},` +
		`"resource":{"group":"helm.toolkit.fluxcd.io","version":"v2","resource":"helmreleases"},` +
		`"name":"spegel","namespace":"default","object":{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease",` +
		`"metadata":{"name":"spegel","namespace":"default","annotations":{"more":"` + more + `"}},"spec":{"interval":"1h","chart":{"spec":{"chart":"spegel",` +
		`"sourceRef":{"kind":"HelmRepository","name":"spegel"}}},"valuesFrom":[{"kind":"ConfigMap","name":"values"}]}}}}`
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(ca)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS13}}}
	defer client.CloseIdleConnections()
	resp, err := client.Post(*configuration.Webhooks[0].ClientConfig.URL, "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	var text bytes.Buffer
	_, _ = text.ReadFrom(resp.Body)
	return resp.StatusCode, text.String()
}
