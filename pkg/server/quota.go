package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"

	"golang.org/x/sync/semaphore"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// quota is what one request holds.
type quota struct {
	limiter *limiter

	mu           sync.Mutex // reads run in parallel, and all wait for the one that takes more
	reads        int        // bytes
	small, large int64
}

// quotaKey is where a request's context has its quota.
type quotaKey struct{}

// read reads a body, and takes what it needs: once a small one is there in full, and before more of a large one is read than of a
// small one. So who sends slowly, or announces much and sends nothing, keeps out nobody, or at most who sends as much.
func (q *quota) read(ctx context.Context, body io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > maxBody {
		length = maxBody // not known, or more than is read
	}
	var read bytes.Buffer
	read.Grow(int(min(length, usualBody)) + bytes.MinRead)
	if _, err := read.ReadFrom(io.LimitReader(body, smallBody+1)); err != nil {
		return read.Bytes(), err
	}
	if read.Len() <= smallBody {
		return read.Bytes(), q.take(ctx, q.limiter.small, &q.small, 1)
	}
	weight := int64(1)
	if length > halfBody {
		weight = maxLarge
	}
	if err := q.take(ctx, q.limiter.large, &q.large, weight); err != nil {
		return nil, err
	}
	read.Grow(int(length) - read.Len() + bytes.MinRead)
	_, err := read.ReadFrom(body)
	return read.Bytes(), err
}

// take waits for others.
func (*quota) take(ctx context.Context, of *semaphore.Weighted, held *int64, weight int64) error {
	if ctx.Err() != nil || !of.TryAcquire(weight) { // nearly always there is room, and nothing to wait for
		ctx, cancel := context.WithTimeout(ctx, maxWait)
		defer cancel()
		if of.Acquire(ctx, weight) != nil {
			return errBusy
		}
	}
	*held = weight
	return nil
}

// grow counts what was read of objects. Before a small request reads more than a little it waits for its turn among the large
// ones: how much will come is not known. Who waits holds neither kind of room, so nobody waits in a circle.
func (q *quota) grow(ctx context.Context, n int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reads += n
	if q.reads <= smallReads || q.large > 0 {
		return nil
	}
	q.limiter.small.Release(q.small) // it is no small one any more, and must not keep those out while it waits
	q.small = 0
	if err := q.limiter.large.Acquire(ctx, 1); err != nil {
		return err
	}
	q.large = 1
	return nil
}

func (q *quota) release() {
	q.limiter.small.Release(q.small)
	q.limiter.large.Release(q.large)
}

const (
	// maxUnread bounds how many bytes of an object may lie unread in a connection to the API server: who waits reads no further.
	maxUnread = 64 << 10
	// maxAnswer bounds an answer of the API server, in bytes. An object has 3 MiB at most, a page of a list has many.
	maxAnswer = 8 << 20
)

// Transport has what a request reads through it, with its context, count as held by the request. An answer that is too large ends in
// an http.MaxBytesError.
func Transport(base http.RoundTripper) http.RoundTripper {
	inner := base
	for wrapper, ok := inner.(utilnet.RoundTripperWrapper); ok; wrapper, ok = inner.(utilnet.RoundTripperWrapper) {
		inner = wrapper.WrappedRoundTripper()
	}
	if inner, ok := inner.(*http.Transport); ok && inner.HTTP2 == nil {
		inner.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: maxUnread}
	}
	return transport{base}
}

type transport struct{ http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if q, ok := r.Context().Value(quotaKey{}).(*quota); ok && err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(http.MaxBytesReader(nil, resp.Body, maxAnswer), counted{r.Context(), q}), resp.Body}
	}
	return resp, err
}

// counted takes the bytes of an object as they come.
type counted struct {
	ctx context.Context //nolint:containedctx // of the request that reads
	*quota
}

func (c counted) Write(p []byte) (int, error) { return len(p), c.grow(c.ctx, len(p)) }
