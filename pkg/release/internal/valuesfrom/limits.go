package valuesfrom

import (
	"regexp"
	"strings"
)

// What one review may cost. A HelmRelease can name any number of objects, some of them over and over,
// and a few bytes can stand for a lot of memory. What is beyond a limit counts as unread.
const (
	// MaxReferences bounds the references that a review reads.
	MaxReferences = 100
	// MaxSize bounds what is read and merged, in bytes. Helm keeps a release with its values in an object of 1 MiB.
	MaxSize = 1 << 20
	// NodeSize is what a key or an entry counts at least: two bytes are enough for one, and each is copied and written again
	// several times. Values that people write have one in ten bytes or more.
	NodeSize = 16
)

// size is what merging what a reference holds costs.
func (e *Entry) size() int {
	if !e.Found {
		return 0
	}
	set := e.TargetPath // what helm --set reads
	switch {
	case set == "":
		return max(len(e.Text), NodeSize*nodes(e.Text))
	case !e.Literal:
		set += "," + e.Text
	}
	count := nodes(set)
	for _, position := range positions.FindAllString(set, -1) {
		count += 1000
		if len(position) > len("[999") {
			count += MaxSize
		}
	}
	return max(len(e.Text), NodeSize*count)
}

// nodes is how many keys and entries a text in YAML or JSON has at most: each begins a line, or follows one of these.
func nodes(text string) (n int) {
	for _, sign := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029", ",", "[", "{", "- ", "-\t"} {
		n += strings.Count(text, sign)
	}
	return n
}

// positions are what helm --set reads as a place in a list, up to 65536, each time making all elements below it. It skips a
// backslash.
var positions = regexp.MustCompile(`\[[0-9+\\]+`)
