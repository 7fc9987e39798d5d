package admission_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	guard "github.com/spegel-guard/spegel-guard/pkg/admission"
)

// Who announces a body and does not send it holds up no review: reviews are answered while more bodies are on their way
// than may be under way, small ones and large ones.
func TestSlowSendersHoldUpNobody(t *testing.T) {
	t.Parallel()
	s := serve(t, newPolicy(t, ""), nil)
	small := body(t, review(t, admissionv1.Create, object(t, good), nil))
	large := append(bytes.Repeat([]byte(" "), 100_000), small...)
	answered := func(what string, text []byte) {
		t.Helper()
		if code, answer, err := post(t.Context(), http.DefaultClient, s.url, bytes.NewReader(text)); err != nil || code != http.StatusOK {
			t.Errorf("%s: %d %s %v", what, code, answer, err)
		}
	}
	slow := &slowSenders{endpoint: s.handler}
	t.Cleanup(slow.hangUp)
	for range guard.MostReviews + 1 {
		slow.send(30_000, 10)
	}
	for range 10 {
		slow.send(7_000_000, 1000)
	}
	answered("a small review", small)
	answered("a large review", large)
	slow.send(7_000_000, 100_000) // so much has come that it takes the room of large ones
	answered("a small review beside a large one", small)
	if n := slow.ended.Load(); n > 0 {
		t.Errorf("%d slow senders were sent away before", n)
	}
}

// slowSenders hand bodies straight to the endpoint, where no deadline of a connection ends them.
type slowSenders struct {
	endpoint http.Handler
	all      sync.WaitGroup
	ended    atomic.Int32
	bodies   []*io.PipeWriter
}

// send begins a review, and returns when so many bytes of those that are announced have been read.
func (s *slowSenders) send(announced int64, sent int) {
	reader, writer := io.Pipe()
	s.bodies = append(s.bodies, writer)
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, guard.Path, reader)
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = announced
	s.all.Go(func() {
		s.endpoint.ServeHTTP(httptest.NewRecorder(), r)
		s.ended.Add(1)
		_ = reader.CloseWithError(errors.New("sent away"))
	})
	_, _ = io.WriteString(writer, strings.Repeat(" ", sent))
}

func (s *slowSenders) hangUp() {
	for _, body := range s.bodies {
		_ = body.CloseWithError(io.ErrUnexpectedEOF)
	}
	s.all.Wait()
}
