package admission_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// FuzzReview posts any body: the answer is a review, the process lives, and the log has nothing of a
// body that was refused nor of any values.
func FuzzReview(f *testing.F) {
	cases, err := parity.Cases()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add(body(f, review(f, admissionv1.Create, c.Release, nil)))
		f.Add(body(f, review(f, admissionv1.Update, c.Release, cases[0].Release)))
	}
	f.Add([]byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"x","object":{"spec":{"values":"is immutable"}}}}`))
	f.Add([]byte(`[]`))
	f.Add(body(f, valuesReview(f, yamlOf("spegel: {registries: [x], mirroredRegistries: [https://registry.example.ts.net]}"), yamlOf("spegel: {}"))))
	f.Add(body(f, valuesReview(f, nil, nil)))
	pol := newPolicy(f, "")
	var logs bytes.Buffer
	endpoint := admission.NewEndpoint(&admission.Handler{
		Policy: func() *policy.Policy { return pol }, Metrics: admission.NewMetrics(prometheus.NewRegistry(), time.Now),
		Lister: &releases{items: []map[string]any{naming(f, "spegel", "")}},
		Log:    slog.New(slog.NewJSONHandler(&logs, nil)),
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		logs.Reset()
		req := httptest.NewRequest(http.MethodPost, admission.Path, bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		endpoint.ServeHTTP(w, req)
		var review admissionv1.AdmissionReview
		if err := json.Unmarshal(w.Body.Bytes(), &review); err != nil || review.Response == nil {
			t.Fatalf("no review in the answer: %s", w.Body)
		}
		checkText(t, review.Response)
		if review.Response.Result.Code == http.StatusInternalServerError {
			t.Errorf("a panic: %s", review.Response.Result.Message)
		}
		log := logs.String()
		if review.Response.Result.Code == http.StatusBadRequest && (strings.Count(log, "\n") > 1 || len(log) > 200) {
			t.Errorf("log of a bad request: %s", log)
		}
	})
}
