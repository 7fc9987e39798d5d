package install_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// TestTheLimitsHold gives one replica, with the environment of the Deployment, the most expensive reviews that there are, from
// many clients at the same time and past the API server, which would take longer over them than the webhook does. Its memory stays
// below the Deployment's limit, and no answer is wrong.
func TestTheLimitsHold(t *testing.T) {
	const clients = 32
	length := time.Minute
	if testing.Short() {
		length = 5 * time.Second
	}
	manifests, err := cluster.Render(filepath.Join(root, "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	container, err := manifests.Container()
	if err != nil {
		t.Fatal(err)
	}
	limit := container.Resources.Limits.Memory().Value()
	for name, values := range expensiveValues() {
		r, err := shared.KubectlInput(t.Context(), bytes.NewReader(configMap(t, name, values)), "apply", "--server-side", "-f", "-")
		if err != nil {
			t.Fatal(err)
		}
		accepted(t, r)
	}
	w, err := shared.StartWebhook(t.Context(), cluster.WebhookOptions{Policy: []byte(policyOfTest)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Kill)
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	h := newHammer(t, w)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { h.dawdle(ctx) })
	}
	reviews := expensiveReviews(t)
	for n := range clients {
		wg.Go(func() {
			for i := n; ctx.Err() == nil; i++ {
				h.review(ctx, reviews[i%len(reviews)])
			}
		})
	}
	wg.Wait()
	usage, err := w.Usage()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s in %s, %s of CPU; memory %d MiB at most, of %d MiB", h, length, usage.CPU, usage.PeakMemory>>20, limit>>20)
	if usage.PeakMemory >= limit {
		t.Errorf("%d bytes resident, and the Deployment allows %d", usage.PeakMemory, limit)
	}
	if h.answered == 0 || len(h.wrong) > 0 {
		t.Errorf("%d answers, %d are wrong:\n%s", h.answered, len(h.wrong), strings.Join(h.wrong[:min(len(h.wrong), 5)], "\n"))
	}
	if err := w.Stop(); err != nil {
		t.Errorf("%v\n%s", err, w.Logs())
	}
}

// hammer counts what becomes of reviews.
type hammer struct {
	url  string
	http *http.Client

	mu                        sync.Mutex
	answered, away, abandoned int
	wrong                     []string
}

func newHammer(t *testing.T, w *cluster.Webhook) *hammer {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.CA())
	configuration, err := w.Configuration()
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	// no longer than the API server waits
	return &hammer{url: *configuration.Webhooks[0].ClientConfig.URL, http: &http.Client{Transport: transport, Timeout: 5 * time.Second}}
}

// String says how many reviews were answered, turned away to come again, and not answered in time.
func (h *hammer) String() string {
	return fmt.Sprintf("%d reviews answered, %d turned away, %d not answered in 5 seconds", h.answered, h.away, h.abandoned)
}

func (h *hammer) review(ctx context.Context, r expensiveReview) {
	code, text := h.post(ctx, bytes.NewReader(r.body))
	var answer struct {
		Response struct {
			Allowed  bool
			Status   struct{ Code int }
			Warnings []string
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch err := json.Unmarshal(text, &answer); {
	case code == 0:
		if ctx.Err() == nil {
			h.abandoned++
		}
	case code == http.StatusTooManyRequests:
		h.away++
	case code != http.StatusOK || err != nil:
		h.wrong = append(h.wrong, fmt.Sprintf("%s: status %d: %.200s", r.name, code, text))
	default:
		h.answered++
		refused := !answer.Response.Allowed && answer.Response.Status.Code == http.StatusForbidden
		unsure := answer.Response.Allowed && strings.Contains(strings.Join(answer.Response.Warnings, " "), "unresolved")
		if refused != r.bad && (!r.refers || !unsure) { // what could not be looked at in time does not deny
			h.wrong = append(h.wrong, fmt.Sprintf("%s: %.200s", r.name, text))
		}
	}
}

// dawdle begins bodies and does not end them.
func (h *hammer) dawdle(ctx context.Context) {
	for ctx.Err() == nil {
		body, sender := io.Pipe()
		go func() {
			_, _ = sender.Write(bytes.Repeat([]byte(" "), 20_000))
			<-ctx.Done()
			_ = sender.Close()
		}()
		h.post(ctx, body)
		_ = body.Close()
	}
}

// post returns 0 where there is no answer.
func (h *hammer) post(ctx context.Context, body io.Reader) (code int, answer []byte) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, body)
	if err != nil {
		return 0, nil
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := h.http.Do(request)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = response.Body.Close() }()
	if answer, err = io.ReadAll(response.Body); err != nil {
		return 0, nil
	}
	return response.StatusCode, answer
}
