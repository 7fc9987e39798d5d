package admission

import (
	"bytes"
	"context"
	"errors"
	"io"
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
	// maxReviews bounds the reviews under way whose bodies are small, of up to smallBody bytes. Nearly all are.
	maxReviews = 512
	smallBody  = 32 << 10
	// maxLarge bounds the other bodies together, in bytes: one of the largest, or several.
	maxLarge = 8 << 20
	// largeShare bounds the values that are merged at the same time, in bytes, of reviews with many: one release of the
	// largest size. A byte can cost 25: a list of the shortest entries.
	largeShare = 3 << 20
	// usualShare is the same for reviews with up to smallValues bytes of them. These wait for their like only.
	usualShare  = 1 << 19
	smallValues = 64 << 10
	// smallRead is how many bytes a review may read of objects before it takes the room for many values.
	smallRead = 32 << 10
)

// errNoRoom says that a review waited for room in vain.
var errNoRoom = errors.New("too many reviews at the same time")

// room is where the bodies of reviews are. Small and large ones are apart, so that large ones that are slow to come
// hold up no others than their like.
type room struct{ small, large *semaphore.Weighted }

func newRoom() room {
	return room{small: semaphore.NewWeighted(maxReviews), large: semaphore.NewWeighted(maxLarge)}
}

// read reads a body and returns it with the way to leave. A small one takes room when it is there in full: until
// then it costs no more than its connection does. A large one takes room for its length (-1 is not known) when
// as much as a small one has arrived. So who announces much and sends nothing takes none.
func (m room) read(ctx context.Context, r io.Reader, length int64) (body []byte, leave func(), err error) {
	if length < 0 || length > maxBody {
		length = maxBody
	}
	body = make([]byte, min(length, smallBody)+1) // one more, to see the end
	n, err := io.ReadFull(r, body)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		leave, err = enter(ctx, m.small, 1)
		return body[:n], leave, err
	case err != nil:
		return nil, nil, err
	}
	if leave, err = enter(ctx, m.large, length); err != nil {
		return nil, nil, err
	}
	rest := bytes.NewBuffer(append(make([]byte, 0, length+bytes.MinRead), body...))
	if _, err := rest.ReadFrom(r); err != nil {
		leave()
		return nil, nil, err
	}
	return rest.Bytes(), leave, nil
}

// enter waits for room and returns how to leave.
func enter(ctx context.Context, room *semaphore.Weighted, weight int64) (leave func(), err error) {
	if !room.TryAcquire(weight) { // where there is room, no matter how busy the processor is
		ctx, cancel := context.WithTimeout(ctx, roomTimeout)
		defer cancel()
		if room.Acquire(ctx, weight) != nil {
			return nil, errNoRoom
		}
	}
	return func() { room.Release(weight) }, nil
}
