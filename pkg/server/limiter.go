package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

// What requests may hold at the same time. What is beyond a limit waits, and is turned away then: who asks a webhook that
// fails closed takes no answer for a refusal, so it had better ask again.
const (
	// maxBody bounds a request, in bytes: a review of two objects of 3 MiB at most, and what is around them.
	maxBody = 7 << 20
	// maxSmall bounds the requests in flight whose bodies have up to smallBody bytes, and that read no more than smallReads of
	// objects. Nearly all are such. A byte of a list of the shortest entries costs 25, so this is 100 MiB at the very most.
	maxSmall   = 100
	smallBody  = 32 << 10
	smallReads = 32 << 10
	// usualBody is how many bytes of a body there is space for before they come.
	usualBody = 8 << 10
	// maxLarge bounds the others, which may cost some 40 MiB each. One whose body alone has more than halfBody bytes counts for two.
	maxLarge = 2
	halfBody = 3 << 19
	// maxWait is how long a request waits for others, and maxTime how long an API server waits for the answer, unless it says so.
	maxWait = 1500 * time.Millisecond
	maxTime = 5 * time.Second
)

// errBusy says that a request waited for others in vain.
var errBusy = errors.New("too many requests at the same time")

// limiter hands requests on with their bodies in full, as many at a time as there is memory for.
type limiter struct {
	next         http.Handler
	turnedAway   func()
	small, large *semaphore.Weighted
}

// Limit bounds what requests to a handler hold together: bodies, and what the handler reads through Transport with the request's
// context. The handler finds the body read to its end, or to the error that it came to, and a context that
// ends at a deadline, or when the client goes. A request that waited for others in vain is counted, and answered with 429 and
// Retry-After.
func Limit(next http.Handler, turnedAway func()) http.Handler {
	return &limiter{
		next: next, turnedAway: turnedAway,
		small: semaphore.NewWeighted(maxSmall), large: semaphore.NewWeighted(maxLarge),
	}
}

func (l *limiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &buffered{ResponseWriter: w}
	l.serve(answer, r)
	answer.send() // now that others may go on: who does not read an answer holds up nobody
}

func (l *limiter) serve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), timeFor(r))
	defer cancel()
	q := &quota{limiter: l}
	defer q.release()
	bounded := http.MaxBytesReader(w, r.Body, maxBody)
	body, err := q.read(ctx, bounded, r.ContentLength)
	if errors.Is(err, errBusy) {
		// an API server asks again, for as long as it waits for a webhook, if it can read the answer: not while it still sends
		l.turnedAway()
		_, _ = io.Copy(io.Discard, bounded)
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	r = r.WithContext(context.WithValue(ctx, quotaKey{}, q))
	r.Body, r.ContentLength = io.NopCloser(io.MultiReader(bytes.NewReader(body), bounded)), int64(len(body)) // its end, or its error again
	l.next.ServeHTTP(w, r)
}

// timeFor is four fifths of the time that the API server says it waits, which is that of the webhook's entry.
func timeFor(r *http.Request) time.Duration {
	wait, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || wait <= 0 {
		wait = maxTime
	}
	return min(wait, maxTime) * 4 / 5
}

// buffered keeps an answer until the request holds nothing more.
type buffered struct {
	http.ResponseWriter

	code int
	body bytes.Buffer
}

func (b *buffered) WriteHeader(code int) { b.code = code }

func (b *buffered) Write(p []byte) (int, error) { return b.body.Write(p) }

func (b *buffered) send() {
	if b.code != 0 {
		b.ResponseWriter.WriteHeader(b.code)
	}
	_, _ = b.ResponseWriter.Write(b.body.Bytes()) // an error means that nobody listens
}
