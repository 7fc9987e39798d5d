package admission_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"

	guard "github.com/spegel-guard/spegel-guard/pkg/admission"
)

// Whoever announces a large body and does not send it holds up no review, not even together with others, and however
// much of it has arrived.
func TestSlowSendersHoldUpNobody(t *testing.T) {
	t.Parallel()
	s := serve(t, newPolicy(t, ""), nil)
	text := body(t, review(t, admissionv1.Create, object(t, good), nil))
	address := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), guard.Path)
	quickest := func() time.Duration { // of ten at the same time: on a busy machine some take long for other reasons
		took := make([]time.Duration, 10)
		var wg sync.WaitGroup
		for i := range took {
			wg.Go(func() {
				start := time.Now()
				if code, answer, err := post(t.Context(), http.DefaultClient, s.url, bytes.NewReader(text)); err != nil || code != http.StatusOK {
					t.Errorf("%d %s %v", code, answer, err)
				}
				took[i] = time.Since(start)
			})
		}
		wg.Wait()
		return slices.Min(took)
	}
	alone := quickest()
	for range 4 {
		for _, sent := range []int{0, 1000, 100_000} {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", guard.Path, 7_000_000)
			if _, err := io.WriteString(conn, head+string(bytes.Repeat([]byte(" "), sent))); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(200 * time.Millisecond) // until they are all read
	beside := quickest()
	t.Logf("the quickest of ten reviews: %s alone, %s beside slow senders", alone, beside)
	if beside > 200*time.Millisecond+10*alone {
		t.Error("slow senders hold up others")
	}
}
