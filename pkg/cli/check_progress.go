package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	progressAfter = time.Second            // a shorter check shows none
	progressEvery = 200 * time.Millisecond // a terminal need not be written to more often
)

// progress is a line on a terminal that shows how far a long check has got.
type progress struct {
	out io.Writer // nil for none

	mu    sync.Mutex
	next  time.Time
	shown bool
}

// newProgress shows nothing unless a person sees what is written.
func newProgress(w io.Writer, seen bool) *progress {
	p := &progress{next: time.Now().Add(progressAfter)}
	if seen {
		p.out = w
	}
	return p
}

// show may be called at any rate and from anywhere.
func (p *progress) show(files int) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Before(p.next) {
		return
	}
	p.next, p.shown = now.Add(progressEvery), true
	fmt.Fprintf(p.out, "\r\x1b[Kchecking, %d files read", files)
}

// clear takes the line away.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
