package admission_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	guardserver "github.com/spegel-guard/spegel-guard/pkg/server"
)

// server is the webhook over real HTTP, and what it has logged and counted.
type server struct {
	url     string
	logs    *bytes.Buffer
	metrics *prometheus.Registry
}

func serve(t testing.TB, pol *policy.Policy, reader release.Reader) *server {
	t.Helper()
	return serveAll(t, pol, reader, nil)
}

// serveAll is serve with a lister of HelmReleases.
func serveAll(t testing.TB, pol *policy.Policy, reader release.Reader, lister admission.Lister) *server {
	t.Helper()
	s := &server{logs: &bytes.Buffer{}, metrics: prometheus.NewRegistry()}
	h := &admission.Handler{
		Policy: func() *policy.Policy { return pol }, Reader: reader, Lister: lister,
		Metrics: admission.NewMetrics(s.metrics, time.Now),
		Log:     slog.New(slog.NewJSONHandler(s.logs, nil)),
	}
	// what is answered must not depend on how fast the machine is
	h.SetReadTimeout(time.Hour)
	endpoint := admission.NewEndpoint(h)
	patient := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		endpoint.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
	})
	mux := http.NewServeMux()
	mux.Handle(admission.Path, guardserver.Limit(patient, h.Metrics.TurnedAway))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.url = srv.URL + admission.Path
	return s
}

// newPolicy is the policy of the tests; a test may add to its text.
func newPolicy(t testing.TB, more string) *policy.Policy {
	t.Helper()
	text := "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries: [registry.example.ts.net, harbor.example.com:8443]\n" + more
	pol, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return pol
}

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// review is a request for a HelmRelease; old and obj may be nil.
func review(t testing.TB, op admissionv1.Operation, obj, old *unstructured.Unstructured) *admissionv1.AdmissionRequest {
	t.Helper()
	raw := func(u *unstructured.Unstructured) runtime.RawExtension {
		if u == nil {
			return runtime.RawExtension{}
		}
		text, err := json.Marshal(u.Object)
		if err != nil {
			t.Fatal(err)
		}
		return runtime.RawExtension{Raw: text}
	}
	req := &admissionv1.AdmissionRequest{
		UID: "b0a5ae5b", Operation: op, Name: "spegel", Namespace: "kube-system",
		Kind:     metav1.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"},
		Resource: metav1.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"},
		Object:   raw(obj), OldObject: raw(old),
	}
	req.UserInfo.Username = "system:serviceaccount:flux-system:kustomize-controller"
	return req
}

func body(t testing.TB, req *admissionv1.AdmissionRequest) []byte {
	t.Helper()
	text, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: req,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// post sends a body and decodes the answer, which must be a review whatever was sent.
func (s *server) post(t testing.TB, contentType string, body io.Reader) (int, *admissionv1.AdmissionResponse) {
	t.Helper()
	resp, err := http.Post(s.url, contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var out admissionv1.AdmissionReview
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatalf("the answer is no AdmissionReview: %v", err)
	}
	if out.APIVersion != "admission.k8s.io/v1" || out.Kind != "AdmissionReview" || out.Response == nil {
		t.Fatalf("the answer is no AdmissionReview: %+v", out)
	}
	return resp.StatusCode, out.Response
}

// ask sends a good review.
func (s *server) ask(t testing.TB, req *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	code, resp := s.post(t, "application/json", bytes.NewReader(body(t, req)))
	if code != http.StatusOK || resp.UID != req.UID {
		t.Fatalf("HTTP %d, uid %q; want 200 and %q", code, resp.UID, req.UID)
	}
	return resp
}
