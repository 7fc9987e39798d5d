package admission

import (
	"container/list"
	"sync"
)

const (
	// maxArriving bounds what bodies hold together until they have room, in bytes.
	maxArriving = 24 << 20
	// arrivalCost is what one costs beside its bytes, roughly: a stream or a connection, a header of 4 KiB, which takes
	// more once it is read, and two goroutines.
	arrivalCost = 16 << 10
)

// arrivals are the bodies on their way, oldest first. Beyond the bound the oldest makes way: who sends in one go, as the
// API server does, is never the oldest for long, and who sends slowly keeps nobody out.
type arrivals struct {
	mu     sync.Mutex
	oldest list.List // of *arrival
	held   int       // bytes
}

// arrival is one body on its way.
type arrival struct {
	all     *arrivals
	place   *list.Element // nil when it is over
	held    int
	drop    func()
	dropped bool
}

// begin takes in a body; drop has it fail, and must not block.
func (a *arrivals) begin(drop func()) *arrival {
	one := &arrival{all: a, drop: drop}
	a.mu.Lock()
	one.place = a.oldest.PushBack(one)
	a.mu.Unlock()
	one.grow(arrivalCost)
	return one
}

// grow counts bytes, and drops others to make room for them, or the body itself.
func (one *arrival) grow(bytes int) {
	a := one.all
	a.mu.Lock()
	defer a.mu.Unlock()
	if one.place == nil {
		return
	}
	one.held += bytes
	a.held += bytes
	for a.held > maxArriving {
		first := a.oldest.Front().Value.(*arrival)
		first.dropped = true
		first.leave()
		first.drop()
	}
}

// end takes the body out, and tells whether it had to make way.
func (one *arrival) end() (dropped bool) {
	one.all.mu.Lock()
	defer one.all.mu.Unlock()
	one.leave()
	return one.dropped
}

// leave needs the lock.
func (one *arrival) leave() {
	if one.place != nil {
		one.all.oldest.Remove(one.place)
		one.all.held -= one.held
		one.place = nil
	}
}
