package admission

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"
)

// The oldest body makes way for one that needs more than is left, and its room is free again.
func TestTheOldestBodyMakesWay(t *testing.T) {
	t.Parallel()
	var all arrivals
	var dropped []string
	begin := func(name string) *arrival { return all.begin(func() { dropped = append(dropped, name) }) }
	first, second := begin("first"), begin("second")
	first.grow(maxArriving / 2)
	second.grow(maxArriving/2 - 2*arrivalCost)
	if len(dropped) > 0 {
		t.Fatalf("%q made way while there was room", dropped)
	}
	third := begin("third")
	if len(dropped) != 1 || dropped[0] != "first" {
		t.Errorf("%q made way, want the first", dropped)
	}
	first.grow(maxArriving) // what goes on after it was dropped costs nobody
	if !first.end() || second.end() || third.end() || len(dropped) != 1 {
		t.Errorf("another made way: %q", dropped)
	}
	if all.held != 0 || all.oldest.Len() != 0 {
		t.Errorf("%d bytes of %d bodies stay behind", all.held, all.oldest.Len())
	}
}

// A body that made way is turned away to come again, and one that ended early is not.
func TestABodyThatMadeWayMayComeAgain(t *testing.T) {
	t.Parallel()
	m := newRoom()
	body, sender := io.Pipe()
	go func() {
		_, _ = sender.Write(make([]byte, firstPart))
		m.arriving.begin(func() {}).grow(maxArriving - 2*arrivalCost) // all that is left, until the first makes more space
		_ = sender.CloseWithError(io.ErrUnexpectedEOF)
	}()
	stopped := false
	_, _, err := m.read(t.Context(), body, smallBody, func() { stopped = true })
	if !errors.Is(err, errNoRoom) || !stopped {
		t.Errorf("%v, reads stopped: %t; want %v and true", err, stopped, errNoRoom)
	}
	if _, _, err := newRoom().read(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF), 10, func() {}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v, want %v", err, io.ErrUnexpectedEOF)
	}
}

// A review that reads much waits for others that do, and one that reads little does not.
func TestLargeReadsTakeRoom(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	room := newValues()
	one, other := &share{values: room}, &share{values: room}
	if err := one.grow(ctx, smallRead+1); err != nil {
		t.Fatal(err)
	}
	if room.large.TryAcquire(1) {
		t.Error("a large read takes no room")
	}
	if err := errors.Join(other.grow(ctx, smallRead), other.enter(ctx, smallValues)); err != nil {
		t.Errorf("a small one waits for it: %v", err)
	}
	one.leave()
	other.leave()
	if !room.large.TryAcquire(largeShare) || !room.usual.TryAcquire(usualShare) {
		t.Error("room is not free again")
	}
}
