package admission

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// What reviews may hold at the same time. What is beyond a limit waits: a webhook that fails closed refuses by not
// answering, so it queues for as long as the API server waits anyway.
const (
	// bodyTimeout is how long the body of a review may take to arrive: as long as the API server waits. It sends it in one go.
	bodyTimeout = 5 * time.Second
	// answerTimeout is how long the answer may take to be read.
	answerTimeout = 5 * time.Second
	// roomTimeout is how long a review waits for room. With readTimeout on top there is an answer within the webhook's
	// timeoutSeconds of 5.
	roomTimeout = 1500 * time.Millisecond
	// maxBodies bounds the bodies of all reviews under way, in bytes; a small one counts for minBody, which makes
	// 512 reviews.
	maxBodies = 16 << 20
	minBody   = 32 << 10
	// maxValues bounds the values that are merged at the same time, in bytes: one release of the largest size, beside
	// many of the usual. A byte of YAML can cost hundreds of bytes.
	maxValues    = 1<<20 + 1<<18
	largestShare = 1 << 20
)

// enterBody waits for room for a body of this length (-1 is not known) and returns how to leave.
func enterBody(ctx context.Context, bodies *semaphore.Weighted, length int64) (leave func(), err error) {
	if length < 0 || length > maxBody {
		length = maxBody
	}
	weight := max(length, minBody)
	if bodies.TryAcquire(weight) { // also where the processor is so busy that the time-out is over by now
		return func() { bodies.Release(weight) }, nil
	}
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	if err := bodies.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	return func() { bodies.Release(weight) }, nil
}

// share is one review's part of the values that are merged at the same time. A nil semaphore has no limit.
type share struct {
	values *semaphore.Weighted
	held   int64
}

// enter waits for room for values of this size. A review that has entered is not asked again.
func (s *share) enter(ctx context.Context, bytes int) error {
	if s.values == nil || s.held > 0 {
		return nil
	}
	weight := min(max(int64(bytes), 1), largestShare)
	if err := s.values.Acquire(ctx, weight); err != nil {
		return err
	}
	s.held = weight
	return nil
}

func (s *share) leave() {
	if s.held > 0 {
		s.values.Release(s.held)
	}
}
