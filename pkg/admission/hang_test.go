package admission_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	guardserver "github.com/spegel-guard/spegel-guard/pkg/server"
)

// hung is an API server that takes requests and never answers.
func hung(t *testing.T) client.Client {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(api.Close)
	scheme := kruntime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	c, err := client.New(&rest.Config{Host: api.URL, QPS: -1}, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// crowded serves reviews whose reads take as long as they may, and returns the body of one.
func crowded(t *testing.T, readTimeout time.Duration) (srv *httptest.Server, body []byte) {
	t.Helper()
	pol := newPolicy(t, "")
	h := &admission.Handler{
		Policy: func() *policy.Policy { return pol }, Reader: hung(t),
		Metrics: admission.NewMetrics(prometheus.NewRegistry(), time.Now), Log: slog.New(slog.DiscardHandler),
	}
	h.SetReadTimeout(readTimeout)
	srv = httptest.NewServer(guardserver.Limit(admission.NewEndpoint(h), h.Metrics.TurnedAway))
	t.Cleanup(srv.Close)
	from := []any{map[string]any{"kind": "ConfigMap", "name": "spegel-values"}}
	releaseBody := with(object(t, bad), from, "spec", "valuesFrom")
	delete(releaseBody.Object["spec"].(map[string]any), "values")
	body, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  review(t, admissionv1.Create, releaseBody, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	return srv, body
}

func post(ctx context.Context, c *http.Client, url string, body io.Reader) (code int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Retry-After") + string(answer), err
}

// Many reviews while the API server hangs: each is answered as unresolved, if need be when it comes again, and nothing stays
// behind. It is not parallel, since it counts what the whole process holds.
func TestReviewsWhileTheAPIServerHangs(t *testing.T) { //nolint:paralleltest // it counts goroutines
	reviews, clients := int64(10_000), 400
	if testing.Short() {
		reviews, clients = 1000, 100
	}
	srv, body := crowded(t, 50*time.Millisecond)
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	held := func() (uint64, int) {
		c.CloseIdleConnections()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	if _, _, err := post(t.Context(), c, srv.URL, bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	heap, goroutines := held()

	var left, unresolved atomic.Int64
	left.Store(reviews)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				code, text, err := post(t.Context(), c, srv.URL, bytes.NewReader(body))
				for err == nil && code == http.StatusTooManyRequests {
					code, text, err = post(t.Context(), c, srv.URL, bytes.NewReader(body))
				}
				if err != nil || code != http.StatusOK || !strings.Contains(text, "unresolved") {
					t.Errorf("%d %s %v", code, text, err)
					return
				}
				unresolved.Add(1)
			}
		})
	}
	wg.Wait()
	var heapAfter uint64
	var after int
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) { // connections take a moment to close
		if heapAfter, after = held(); after <= goroutines+20 && heapAfter < heap+16<<20 {
			break
		}
	}
	t.Logf("%d reviews: heap %d KiB, then %d KiB; goroutines %d, then %d", unresolved.Load(), heap>>10, heapAfter>>10, goroutines, after)
	if unresolved.Load() != reviews || after > goroutines+20 || heapAfter > heap+16<<20 {
		t.Error("reviews were lost, or something stays behind")
	}
}
