package cli

import "io"

// NewProgress makes the progress line of check for its test.
func NewProgress(w io.Writer, seen bool) (show func(files int), end func()) {
	p := newProgress(w, seen)
	return p.show, p.clear
}
