package flux_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestForceWouldDeleteAfter422 is the counter-proof of TestFluxForce: with the guard's own answers turned
// from 403 Forbidden into 422 Invalid on their way to the API server, Flux deletes the refused
// release. It is not parallel: it bends the registration that all tests share.
func TestForceWouldDeleteAfter422(t *testing.T) {
	a := newApp(t, "flux-invalid", "  force: true\n", fix)
	a.applied("app")
	if a.uid() == "" {
		t.Fatal("the release was not applied")
	}
	bend(t, invalidProxy(t))
	a.push(incident)
	ready := a.reconcile("app")
	if uid := a.uid(); uid != "" {
		t.Errorf("after 422 the release kept its uid %s, so TestFluxForce proves nothing: %s", uid, ready)
	}
}

// bend points the registered webhook at a URL until the test ends.
func bend(t *testing.T, to admissionregistrationv1.WebhookClientConfig) {
	t.Helper()
	configuration, err := guard.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	configuration.Webhooks[0].ClientConfig = to
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(configuration)
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.Apply(t.Context(), &unstructured.Unstructured{Object: content}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := guard.Register(ctx); err != nil {
			t.Error(err)
		}
		for range 100 { // the proxy must not go before the API server has let go of it
			result, err := shared.Kubectl(ctx, "-n", "bent", "create", "--dry-run=server", "-f", badFile)
			if err != nil || strings.Contains(result.Output, "(Forbidden)") {
				return
			}
		}
		t.Error("the API server still calls the proxy")
	})
	// the API server has taken note when it refuses with the other status
	ns := namespace(t, "bent")
	eventually(t, "the API server calls the proxy", func() bool {
		return strings.Contains(kubectl(t, "-n", ns, "create", "--dry-run=server", "-f", badFile).Output, "is invalid")
	})
}

// invalidProxy forwards reviews to the guard and changes the status of its denials.
func invalidProxy(t *testing.T) admissionregistrationv1.WebhookClientConfig {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(guard.CA())
	target, err := url.Parse(guard.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}
	proxy.ModifyResponse = func(resp *http.Response) error {
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		body = bytes.ReplaceAll(body, []byte(`"reason":"Forbidden"`), []byte(`"reason":"Invalid"`))
		body = bytes.ReplaceAll(body, []byte(`"code":403`), []byte(`"code":422`))
		resp.Body = io.NopCloser(bytes.NewReader(body))
		resp.ContentLength = int64(len(body))
		resp.Header.Del("Content-Length")
		return nil
	}
	server := httptest.NewTLSServer(proxy)
	t.Cleanup(server.Close)
	u := server.URL + "/validate-helm-toolkit-fluxcd-io-v2-helmrelease"
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return admissionregistrationv1.WebhookClientConfig{URL: &u, CABundle: ca}
}
