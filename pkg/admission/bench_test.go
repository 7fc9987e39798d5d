package admission_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	guard "github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// BenchmarkHandler compares the whole handler with two that decode the same review and allow it:
// controller-runtime's own, and this package's HTTP part with nothing behind it.
func BenchmarkHandler(b *testing.B) {
	pol := newPolicy(b, "")
	handler := &guard.Handler{
		Policy: func() *policy.Policy { return pol }, Metrics: guard.NewMetrics(prometheus.NewRegistry(), time.Now), Log: slog.New(slog.DiscardHandler),
	}
	for _, size := range []int{0, 1 << 20} {
		obj := object(b, good)
		obj = with(obj, []any{"https://docker.io", "https://ghcr.io", "https://quay.io", "https://registry.k8s.io"}, "spec", "values", "spegel", "mirroredRegistries")
		obj = with(obj, "/etc/cri/conf.d/hosts", "spec", "values", "spegel", "containerdRegistryConfigPath")
		obj = with(obj, int64(29999), "spec", "values", "service", "registry", "hostPort")
		if size > 0 {
			filler := map[string]any{}
			for i := range size / 64 {
				filler[fmt.Sprintf("key-%06d", i)] = "a value of some forty characters, or so."
			}
			obj = with(obj, filler, "spec", "values", "filler")
		}
		text := body(b, review(b, admissionv1.Create, obj, nil))
		for name, h := range map[string]http.Handler{
			"guard":     guard.NewEndpoint(handler),
			"decode":    guard.DecodeOnly(),
			"allow-lib": &admission.Webhook{Handler: allowAll},
		} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, len(text)>>10), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					req := httptest.NewRequest(http.MethodPost, guard.Path, bytes.NewReader(text))
					req.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					h.ServeHTTP(w, req)
					if w.Code != http.StatusOK {
						b.Fatal(w.Body)
					}
				}
			})
		}
	}
}

var allowAll = admission.HandlerFunc(func(context.Context, admission.Request) admission.Response { return admission.Allowed("") })
