//go:build !race

package cli_test

import (
	"encoding/json"
	"fmt"
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
