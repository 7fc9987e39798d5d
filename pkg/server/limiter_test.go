package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// limited is a limit around a handler that waits for what it is told to.
type limited struct {
	http.Handler
	turnedAway atomic.Int32
	inside     chan struct{} // gets one for each request that the handler has
	release    chan struct{} // is closed to let them end
}

func newLimited() *limited {
	l := &limited{inside: make(chan struct{}, 1000), release: make(chan struct{})}
	l.Handler = Limit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Quick") == "" {
			l.inside <- struct{}{}
			<-l.release
		}
	}), func() { l.turnedAway.Add(1) })
	return l
}

// begin has a request with a body of so many bytes come in, which the handler keeps, and returns when the handler has it.
func (l *limited) begin(t *testing.T, all *sync.WaitGroup, size int) {
	t.Helper()
	all.Go(func() {
		if w := l.post(context.Background(), size, ""); w.Code != http.StatusOK {
			t.Errorf("one that had begun: %d", w.Code)
		}
	})
	<-l.inside
}

func (l *limited) post(ctx context.Context, size int, quick string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(make([]byte, size)))
	if quick != "" {
		r.Header.Set("Quick", quick)
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return w
}

// Requests beyond a limit are answered with 429 and counted, and no others are: small and large ones are apart. Those in flight are
// answered, and room is free again then.
func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		inFlight           []int // sizes
		turnedAway, passes int   // size
	}{
		"small ones":          {repeat(10, maxSmall), 10, smallBody + 1},
		"the largest small":   {repeat(smallBody, maxSmall), 0, smallBody + 1},
		"large ones":          {repeat(smallBody+1, maxLarge), smallBody + 1, smallBody},
		"one beyond the half": {[]int{halfBody + 1}, smallBody + 1, smallBody},
		"one of the largest":  {[]int{maxBody}, maxBody, 0},
		"both":                {append(repeat(1, maxSmall), repeat(halfBody, maxLarge)...), 1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLimited()
			var all sync.WaitGroup
			for _, size := range c.inFlight {
				l.begin(t, &all, size)
			}
			w := l.post(t.Context(), c.turnedAway, "quick")
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || l.turnedAway.Load() != 1 {
				t.Errorf("one more: %d %v, %d counted", w.Code, w.Header(), l.turnedAway.Load())
			}
			if c.passes >= 0 {
				if w := l.post(t.Context(), c.passes, "quick"); w.Code != http.StatusOK || l.turnedAway.Load() != 1 {
					t.Errorf("another beside them: %d", w.Code)
				}
			}
			close(l.release)
			all.Wait()
			if w := l.post(t.Context(), c.turnedAway, "quick"); w.Code != http.StatusOK || l.turnedAway.Load() != 1 {
				t.Errorf("afterwards: %d, %d counted", w.Code, l.turnedAway.Load())
			}
		})
	}
}

func repeat(size, times int) []int {
	sizes := make([]int, times)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// Who announces a body and does not send it holds up no request: more are on their way than may be in flight, small and large.
func TestSlowSendersHoldUpNobody(t *testing.T) {
	t.Parallel()
	l := newLimited()
	var slow sync.WaitGroup
	var bodies []*io.PipeWriter
	send := func(announced, sent int) {
		reader, writer := io.Pipe()
		bodies = append(bodies, writer)
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", reader)
		r.Header.Set("Quick", "quick")
		r.ContentLength = int64(announced)
		slow.Go(func() { l.ServeHTTP(httptest.NewRecorder(), r) })
		_, _ = io.WriteString(writer, strings.Repeat(" ", sent)) // returns when it was read
	}
	for range maxSmall + 1 {
		send(30_000, 10)
	}
	for range maxLarge + 1 {
		send(maxBody, smallBody)
	}
	for what, size := range map[string]int{"a small one": 100, "a large one": 100_000} {
		if w := l.post(t.Context(), size, "quick"); w.Code != http.StatusOK {
			t.Errorf("%s beside slow senders: %d", what, w.Code)
		}
	}
	send(maxBody, 100_000) // so much has come that it takes the room of large ones
	if w := l.post(t.Context(), smallBody, "quick"); w.Code != http.StatusOK {
		t.Errorf("a small one beside a large one that stalls: %d", w.Code)
	}
	for _, body := range bodies {
		_ = body.CloseWithError(io.ErrUnexpectedEOF)
	}
	slow.Wait()
	if w := l.post(t.Context(), maxBody, "quick"); w.Code != http.StatusOK {
		t.Errorf("a large one afterwards: %d", w.Code)
	}
}

// Who does not read an answer holds up nobody.
func TestAnswersThatAreNotRead(t *testing.T) {
	t.Parallel()
	h := Limit(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprint(w, "answer")
	}), func() { t.Error("one was turned away") })
	var all sync.WaitGroup
	read, reached := make(chan struct{}), make(chan struct{}, maxSmall)
	for range maxSmall {
		all.Go(func() {
			w := &unread{ResponseRecorder: httptest.NewRecorder(), reached: reached, read: read}
			h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", strings.NewReader("x")))
		})
		<-reached
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x")))
	if w.Code != http.StatusTeapot || w.Body.String() != "answer" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(read)
	all.Wait()
}

// unread blocks what is written to it until it is read.
type unread struct {
	*httptest.ResponseRecorder

	reached chan<- struct{}
	read    <-chan struct{}
}

func (u *unread) Write(p []byte) (int, error) {
	u.reached <- struct{}{}
	<-u.read
	return u.ResponseRecorder.Write(p)
}

// A handler gets the body as it was sent, or the error that it came to.
func TestBodies(t *testing.T) {
	t.Parallel()
	text := func(size int) string { return strings.Repeat("0123456789", size/10+1)[:size] }
	for name, c := range map[string]struct {
		body    io.Reader
		length  int64
		want    string
		wantErr error
	}{
		"none":                        {http.NoBody, 0, "", nil},
		"a small one":                 {strings.NewReader(text(5000)), 5000, text(5000), nil},
		"the largest small one":       {strings.NewReader(text(smallBody)), smallBody, text(smallBody), nil},
		"a large one":                 {strings.NewReader(text(smallBody + 1)), smallBody + 1, text(smallBody + 1), nil},
		"the largest one":             {strings.NewReader(text(maxBody)), maxBody, text(maxBody), nil},
		"of unknown length":           {strings.NewReader(text(100_000)), -1, text(100_000), nil},
		"longer than announced":       {strings.NewReader(text(100_000)), 40_000, text(100_000), nil},
		"byte by byte":                {iotest.OneByteReader(strings.NewReader(text(40_000))), 40_000, text(40_000), nil},
		"too large":                   {strings.NewReader(text(maxBody + 1)), maxBody + 1, text(maxBody), &http.MaxBytesError{Limit: maxBody}},
		"too large, not announced":    {strings.NewReader(text(8 << 20)), -1, text(maxBody), &http.MaxBytesError{Limit: maxBody}},
		"one that ends early":         {io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF)), 10, "{", io.ErrUnexpectedEOF},
		"a large one that ends early": {io.MultiReader(strings.NewReader(text(50_000)), iotest.ErrReader(io.ErrUnexpectedEOF)), 90_000, text(50_000), io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			called := false
			h := Limit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				called = true
				got, err := io.ReadAll(r.Body)
				if string(got) != c.want || fmt.Sprint(err) != fmt.Sprint(c.wantErr) || int(r.ContentLength) != len(got) {
					t.Errorf("%d bytes of %d, %v; want %d, %v", len(got), r.ContentLength, err, len(c.want), c.wantErr)
				}
			}), func() { t.Error("turned away") })
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", c.body)
			r.ContentLength = c.length
			h.ServeHTTP(httptest.NewRecorder(), r)
			if !called {
				t.Error("the handler was not called")
			}
		})
	}
}

// A request that reads much of objects waits for others that do, and is in nobody's way while it reads little.
func TestLargeReads(t *testing.T) {
	t.Parallel()
	l := Limit(http.NotFoundHandler(), func() {}).(*limiter)
	var all []*quota
	reads := func(bytes int) (*quota, error) {
		q := &quota{limiter: l}
		all = append(all, q)
		if err := q.take(t.Context(), l.small, &q.small, 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if !l.large.TryAcquire(1) { // it would wait for ever
			cancel()
		} else {
			l.large.Release(1)
		}
		defer cancel()
		err := q.grow(ctx, bytes)
		return q, err
	}
	for range maxLarge {
		q, err := reads(smallReads + 1)
		if err != nil {
			t.Fatal(err)
		}
		if !l.small.TryAcquire(maxSmall) {
			t.Error("it keeps out small ones")
		}
		l.small.Release(maxSmall)
		if err := q.grow(t.Context(), 1<<20); err != nil {
			t.Errorf("it waits for itself: %v", err)
		}
	}
	q, err := reads(smallReads)
	if err != nil {
		t.Errorf("a little beside large ones: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.grow(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("more than a little beside large ones: %v", err)
	}
	for _, q := range all {
		q.release()
	}
	if !l.large.TryAcquire(maxLarge) || !l.small.TryAcquire(maxSmall) {
		t.Error("not all is free again")
	}
}

// What is read through Transport with a request's context counts for the request.
func TestTransportCounts(t *testing.T) {
	t.Parallel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, smallReads+1)) }))
	t.Cleanup(api.Close)
	c := &http.Client{Transport: Transport(&http.Transport{})}
	var l *limiter
	l = Limit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, of := range []context.Context{context.Background(), context.WithoutCancel(r.Context())} {
			req, err := http.NewRequestWithContext(of, http.MethodGet, api.URL, http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := c.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != smallReads+1 {
				t.Errorf("%d bytes: %v", n, err)
			}
			_ = resp.Body.Close()
			free := l.large.TryAcquire(maxLarge)
			if free {
				l.large.Release(maxLarge)
			}
			if counts := of != context.Background(); counts == free {
				t.Errorf("with the request's context %t, room is free: %t", counts, free)
			}
		}
	}), func() { t.Error("turned away") }).(*limiter)
	l.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x")))
}

// An answer of the API server is read up to a bound, and what is beyond it is an error rather than a part of an object.
func TestAnswersOfTheAPIServerAreBounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		bytes int
		whole bool
	}{"as large as it may be": {maxAnswer, true}, "one byte more": {maxAnswer + 1, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, test.bytes)) }))
			t.Cleanup(api.Close)
			c := &http.Client{Transport: Transport(&http.Transport{})}
			review := Limit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), http.MethodGet, api.URL, http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				n, err := io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if tooLarge := errors.As(err, new(*http.MaxBytesError)); n > maxAnswer || tooLarge == test.whole || !tooLarge && err != nil {
					t.Errorf("%d bytes: %v", n, err)
				}
			}), func() { t.Error("turned away") })
			review.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x")))
		})
	}
}

// A request has four fifths of the time that the API server waits, and ends when that goes: nobody holds a place for nothing.
func TestTimeOfARequest(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]time.Duration{
		"": 4 * time.Second, "?timeout=2s": 1600 * time.Millisecond, "?timeout=30s": 4 * time.Second, "?timeout=x": 4 * time.Second, "?timeout=-1s": 4 * time.Second,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+query, http.NoBody)
		if got := timeFor(r); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	ctx, hangUp := context.WithCancel(t.Context())
	Limit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, there := r.Context().Deadline()
		before := r.Context().Err()
		hangUp()
		if !there || before != nil || r.Context().Err() == nil {
			t.Errorf("the handler has a deadline: %t, and its context, before the client goes and after: %v, %v", there, before, r.Context().Err())
		}
	}), func() {}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody))
}
