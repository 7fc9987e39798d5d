//go:build !race

package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What the Deployment gives a replica.
const (
	goMemoryLimit = "GOMEMLIMIT=180MiB"
	memoryLimit   = 256 << 10 // KiB
)

// checkMemory compares the most that the program ever held with its limit. Its callers are not built with the race detector,
// which takes several times the memory.
func (p *program) checkMemory(t *testing.T) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip("no /proc to read the memory from")
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	most := 0 // KiB
	if _, err := fmt.Sscan(rest, &most); err != nil {
		t.Fatalf("%v in\n%s", err, status)
	}
	t.Logf("%d MiB resident at most, of %d MiB", most>>10, memoryLimit>>10)
	if most >= memoryLimit {
		t.Errorf("%d KiB resident, and the Deployment allows %d", most, memoryLimit)
	}
}

// largeObjects is an API server whose ConfigMaps hold 1 MiB each; the one named values is missing.
func largeObjects(t *testing.T) (api *httptest.Server, reads *atomic.Int32) {
	t.Helper()
	object, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "x", "namespace": "a"},
		"data": map[string]string{"values.yaml": strings.Repeat("#", 1<<20-1<<10)},
	})
	if err != nil {
		t.Fatal(err)
	}
	reads = &atomic.Int32{}
	api = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/configmaps/c") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
			return
		}
		reads.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(object)
	}))
	api.EnableHTTP2 = true // as every API server does
	api.StartTLS()
	t.Cleanup(api.Close)
	return api, reads
}

// Many reviews of releases that name a hundred ConfigMaps of 1 MiB, or one, don't take the program beyond its limit, and hold up no
// usual review.
func TestManyLargeReferences(t *testing.T) { //nolint:paralleltest // it measures what one program takes
	for name, c := range map[string]struct{ reviews, references int }{ //nolint:paralleltest // one after the other, as it measures
		"a hundred each": {32, 100},
		"one each":       {400, 1},
	} {
		t.Run(name, func(t *testing.T) {
			api, reads := largeObjects(t)
			p := servingWith(t, time.Hour, []string{goMemoryLimit}, "--kubeconfig="+kubeconfig(t, api))
			var refs []string
			for i := range c.references {
				refs = append(refs, fmt.Sprintf(`{"kind":"ConfigMap","name":"c%d"}`, i))
			}
			var wg sync.WaitGroup
			for range c.reviews {
				wg.Go(func() { // it is answered, or turned away
					_ = p.reviewOf(t.Context(), "["+strings.Join(refs, ",")+"]")
				})
			}
			p.until(t, "large objects are read", func() bool { return reads.Load() > 0 })
			if err := p.review(t.Context()); err != nil { // it is turned away if it has to wait for them
				t.Errorf("a usual review beside them: %v", err)
			}
			wg.Wait()
			t.Logf("%d reads", reads.Load())
			p.checkMemory(t)
			if strings.Contains(p.log(t), "ERROR") {
				t.Errorf("reads that ended early are in the log:\n%.1000s", p.log(t))
			}
			if most := c.reviews * min(c.references, 8); int(reads.Load()) > most {
				t.Errorf("%d reads, want no more than %d", reads.Load(), most)
			}
		})
	}
}

// Clients with objects of 3 MiB are answered, or turned away and counted. None of them takes the program beyond its limit, also with
// values that take as much memory as values can, and a usual review is in nobody's way.
func TestManyLargeObjects(t *testing.T) { //nolint:paralleltest // it measures what one program takes
	for name, c := range map[string]struct { //nolint:paralleltest // one after the other, as it measures
		clients int
		entry   string
	}{
		"of usual entries":        {32, `"registry.example.com/a/image/of/a/usual/name:v1.2.3"`},
		"of the shortest entries": {3, `1`},
	} {
		t.Run(name, func(t *testing.T) {
			metrics := freeAddress(t)
			p := servingWith(t, time.Hour, []string{goMemoryLimit}, "--metrics-bind-address="+metrics)
			const head, tail = `{"mirroredRegistries":["https://docker.io"],"pad":[`, `]}`
			large := head + strings.Repeat(c.entry+",", (3<<20-1<<10)/(len(c.entry)+1)) + c.entry + tail
			var answered, turnedAway atomic.Int32
			var all sync.WaitGroup
			for range c.clients {
				all.Go(func() {
					for {
						code, text, err := p.post(t.Context(), reviewOf(`"values":{"spegel":`+large+`}`))
						switch {
						case err == nil && code == http.StatusOK && strings.Contains(text, `"allowed":true`):
							answered.Add(1)
							return
						case err == nil && code == http.StatusTooManyRequests:
							turnedAway.Add(1) // as an API server does, it asks again
						default:
							t.Errorf("%d %.300s %v", code, text, err)
							return
						}
					}
				})
			}
			for range 10 {
				if err := p.review(t.Context()); err != nil {
					t.Errorf("a usual review beside them: %v", err)
				}
			}
			all.Wait()
			if want := fmt.Sprintf("spegel_guard_turned_away_total %d\n", turnedAway.Load()); !strings.Contains(scrape(t, metrics), want) {
				t.Errorf("the metrics do not say %q", want)
			}
			t.Logf("%d answered, %d turned away before", answered.Load(), turnedAway.Load())
			p.checkMemory(t)
		})
	}
}

// Bodies that are larger than a review can be are refused, however many come.
func TestManyBodiesThatAreTooLarge(t *testing.T) { //nolint:paralleltest // it measures what one program takes
	metrics := freeAddress(t)
	p := servingWith(t, time.Hour, []string{goMemoryLimit}, "--metrics-bind-address="+metrics)
	body := strings.Repeat(" ", 8<<20)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			code := http.StatusTooManyRequests
			for code == http.StatusTooManyRequests {
				var err error
				if code, _, err = p.post(t.Context(), body); err != nil {
					return // it was hung up on while it sent
				}
			}
			if code != http.StatusBadRequest {
				t.Errorf("%d", code)
			}
		})
	}
	if err := p.review(t.Context()); err != nil {
		t.Errorf("a usual review beside them: %v", err)
	}
	all.Wait()
	if !strings.Contains(scrape(t, metrics), "spegel_guard_bad_requests_total 16\n") {
		t.Errorf("not all are counted:\n%s", scrape(t, metrics))
	}
	p.checkMemory(t)
}

func scrape(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
