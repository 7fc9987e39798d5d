package admission

import (
	"context"
	"io"
	"net/http"
	"sync"

	"golang.org/x/sync/semaphore"
)

// values is the room for what is read and merged at the same time. Few and many are apart, so that reviews which wait for
// much hold up no usual one. Without semaphores there is no limit.
type values struct{ usual, large *semaphore.Weighted }

func newValues() values {
	return values{usual: semaphore.NewWeighted(usualShare), large: semaphore.NewWeighted(largeShare)}
}

// share is one review's part of the values. Who has the large room waits for no other, so nobody waits in a circle.
type share struct {
	values

	mu          sync.Mutex // reads run in parallel, and all wait for the one that takes room
	read        int        // bytes of objects
	held, large int64
}

// shareKey is where a review's context has its share.
type shareKey struct{}

// enter waits for room to merge values of this size. A review that has entered is not asked again.
func (s *share) enter(ctx context.Context, size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	weight := int64(max(size, 1))
	switch {
	case s.values.large == nil || s.held > 0 || s.large > 0:
		return nil
	case weight > smallValues:
		return s.takeLarge(ctx, min(weight, largeShare))
	}
	if err := s.usual.Acquire(ctx, weight); err != nil {
		return err
	}
	s.held = weight
	return nil
}

// grow counts what was read of objects, and takes all of the large room before a review reads more than a little: how
// much will come is not known, and is merged afterwards.
func (s *share) grow(ctx context.Context, bytes int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read += bytes
	if s.values.large == nil || s.read <= smallRead || s.large > 0 {
		return nil
	}
	return s.takeLarge(ctx, largeShare)
}

func (s *share) takeLarge(ctx context.Context, weight int64) error {
	if err := s.values.large.Acquire(ctx, weight); err != nil {
		return err
	}
	s.large = weight
	return nil
}

func (s *share) leave() {
	if s.held > 0 {
		s.usual.Release(s.held)
	}
	if s.large > 0 {
		s.values.large.Release(s.large)
	}
}

// MaxUnread is how many bytes of an object may lie unread in a connection to the API server. An HTTP client should be set up
// for no more: a review that waits for room reads no further.
const MaxUnread = 64 << 10

// Transport has what reviews read through it take room, before it is in memory.
func Transport(base http.RoundTripper) http.RoundTripper { return counting{base} }

// maxBytesKey is where a context has how many bytes an answer may have, if that is bounded.
type maxBytesKey struct{}

type counting struct{ http.RoundTripper }

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if most, ok := r.Context().Value(maxBytesKey{}).(int64); ok && err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, most)
	}
	if s, ok := r.Context().Value(shareKey{}).(*share); ok && err == nil {
		resp.Body = &counted{resp.Body, func(n int) error { return s.grow(r.Context(), n) }}
	}
	return resp, err
}

// counted is a body whose bytes are counted as they come.
type counted struct {
	io.ReadCloser
	grow func(bytes int) error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if noRoom := c.grow(n); noRoom != nil {
		return 0, noRoom
	}
	return n, err
}
