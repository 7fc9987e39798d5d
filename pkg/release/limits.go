package release

import (
	"regexp"
	"strings"
)

// What one review may cost. A HelmRelease can name any number of objects, some of them over and over,
// and a few bytes can stand for a lot of memory. What is beyond a limit counts as unread.
const (
	// maxReferences bounds the references that a review reads.
	maxReferences = 100
	// maxSize bounds what is read and merged, in bytes. Helm keeps a release with its values in an object of 1 MiB.
	maxSize = 1 << 20
	// nodeSize is what a key or an entry counts at least: two bytes are enough for one, and each is copied and written again
	// several times. Values that people write have one in ten bytes or more.
	nodeSize = 16
)

// size is what merging what a reference holds costs.
func (l *layer) size() int {
	if !l.found {
		return 0
	}
	set := l.ref.TargetPath // what helm --set reads
	switch {
	case set == "":
		return max(len(l.text), nodeSize*nodes(l.text))
	case !l.ref.Literal:
		set += "," + l.text
	}
	count := nodes(set)
	for _, position := range positions.FindAllString(set, -1) {
		count += 1000
		if len(position) > len("[999") {
			count += maxSize
		}
	}
	return max(len(l.text), nodeSize*count)
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
