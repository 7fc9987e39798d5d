package release

import "strings"

// What one review may cost. A HelmRelease can name any number of objects, some of them over and over,
// and a few bytes can stand for a lot of memory. What is beyond a limit counts as unread.
const (
	// maxReferences bounds the references that a review reads.
	maxReferences = 100
	// maxAtOnce bounds the objects that a review reads at the same time. Few releases name more.
	maxAtOnce = 4
	// maxSize bounds what is read and merged, in bytes. Helm keeps a release with its values in an object of 1 MiB.
	maxSize = 1 << 20
	// nodeSize is what a key or an entry counts at least: two bytes are enough for one, and each is copied and written again
	// several times. Values that people write have one in ten bytes or more.
	nodeSize = 16
)

// size is what merging a reference costs.
func (ref *reference) size() int {
	set := ref.TargetPath // what helm --set reads
	switch {
	case set == "":
		return max(len(ref.data), nodeSize*nodes(ref.data))
	case !ref.Literal:
		set += "," + ref.data
	}
	return max(len(ref.data), nodeSize*(nodes(set)+elements(set)))
}

// nodes is how many keys and entries a text in YAML or JSON has at most: each begins a line, or follows one of these.
func nodes(text string) int {
	n := 0
	for _, sign := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029", ",", "[", "{", "- ", "-\t"} {
		n += strings.Count(text, sign)
	}
	return n
}

// elements is how many more list elements helm --set makes at most: all those below a position, up to 65536, each time that it
// reads one.
func elements(text string) (n int) {
	for position := range strings.SplitSeq(text, "[") {
		digits := len(position) - len(strings.TrimLeft(position, `0123456789+\`)) // helm skips the others
		switch {
		case digits > 3:
			n += maxSize
		case digits > 0:
			n += 1000
		}
	}
	return n
}
