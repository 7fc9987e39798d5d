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
	// firstPart is how many bytes of a body there is space for before they come. Most are no larger.
	firstPart = 4 << 10
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

var (
	// errNoRoom says that a review waited for room in vain, or made way for others.
	errNoRoom = errors.New("too many reviews at the same time")
	// errIncomplete says that a body did not come in full.
	errIncomplete = errors.New("body could not be read")
)

// room is where the bodies of reviews are. Small and large ones are apart, so that large ones that are slow to come
// hold up no others than their like.
type room struct {
	arriving     *arrivals
	small, large *semaphore.Weighted
}

func newRoom() room {
	return room{arriving: &arrivals{}, small: semaphore.NewWeighted(maxReviews), large: semaphore.NewWeighted(maxLarge)}
}

// read reads a body and returns it with the way to leave. A small one takes room when it is there in full: until
// then it costs what has come of it, and makes way if all that are on their way cost too much. A large one takes room for
// its length (-1 is not known) when as much as a small one has arrived. So who announces much and sends nothing takes none.
// stop has reads from r fail.
func (m room) read(ctx context.Context, r io.Reader, length int64, stop func()) (body []byte, leave func(), err error) {
	if length < 0 || length > maxBody {
		length = maxBody
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	one := m.arriving.begin(func() { cancel(); stop() })
	defer func() {
		if dropped := one.end(); dropped && err != nil {
			err = errNoRoom
		}
	}()
	body, whole, err := readSmall(r, int(min(length, smallBody))+1, one) // one more, to see the end
	switch {
	case err != nil:
		return nil, nil, err
	case whole:
		leave, err = enter(ctx, m.small, 1)
		return body, leave, err
	}
	if leave, err = enter(ctx, m.large, length); err != nil {
		return nil, nil, err
	}
	one.end()
	rest := bytes.NewBuffer(append(make([]byte, 0, length+bytes.MinRead), body...))
	if _, err := rest.ReadFrom(r); err != nil {
		leave()
		return nil, nil, err
	}
	return rest.Bytes(), leave, nil
}

// readSmall reads up to so many bytes and tells whether they are all. It makes space as they come.
func readSmall(r io.Reader, most int, one *arrival) (body []byte, whole bool, err error) {
	body = make([]byte, 0, min(most, firstPart))
	for len(body) < most {
		if len(body) == cap(body) {
			larger := min(most, 2*cap(body))
			one.grow(larger - cap(body))
			body = append(make([]byte, 0, larger), body...)
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, true, nil
		case err != nil:
			return nil, false, err
		}
	}
	return body, false, nil
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
