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
)

// A panic is answered, so that nobody waits, and neither the answer nor the log has what it says: that may be a value.
func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	var log bytes.Buffer
	endpoint := admission.NewEndpoint(&admission.Handler{
		Policy:  func() *policy.Policy { panic(secret) },
		Metrics: admission.NewMetrics(prometheus.NewRegistry(), time.Now), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	req := review(t, admissionv1.Create, object(t, bad), nil)
	post := httptest.NewRequestWithContext(t.Context(), http.MethodPost, admission.Path, bytes.NewReader(body(t, req)))
	post.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	endpoint.ServeHTTP(w, post)
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	resp := answer.Response
	if resp.Allowed || resp.Result.Code != http.StatusInternalServerError || resp.UID != req.UID {
		t.Errorf("%+v", resp)
	}
	if text := log.String(); strings.Contains(text+resp.Result.Message, secret) || !strings.Contains(text, "TestPanicIsAnswered") {
		t.Errorf("%q and the log:\n%s", resp.Result.Message, text)
	}
}
