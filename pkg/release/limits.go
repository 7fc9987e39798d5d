package release

import "strings"

// What one review may cost. A HelmRelease can name any number of objects, some of them over and over,
// and a few bytes can stand for a lot of memory. What is beyond a limit counts as unread.
const (
	// maxReferences bounds the reads of one review, in references.
	maxReferences = 100
	// maxAtOnce bounds the objects that a review reads at the same time. Few releases name more.
	maxAtOnce = 4
	// maxData bounds what is merged, in bytes. Helm keeps a release with its values in an object of 1 MiB. Once more than
	// that was read, no further object is.
	maxData = 1 << 20
	// maxRead is the same for objects as a whole, with the keys that nothing names.
	maxRead = 4 << 20
	// maxListCost bounds the list elements that a targetPath, and what is read for it, can ask for. Helm
	// takes a position up to 65536 and makes every element below it, for each [65536] that it reads; and
	// each [0] may nest a list in another.
	maxListCost = 1 << 17
	// maxNodes bounds the keys and entries in what is merged: those of all references, and those of the inline values
	// beside them. Each is copied and written again several times, and two bytes are enough for one. Values that
	// people write have one in ten bytes or more.
	maxNodes = 1 << 16
)

// budget is what is left of the limits.
type budget struct{ read, data, listCost, nodes int }

// spend takes what a reference and its object cost, or marks the reference as unread if there is not enough left.
func (b *budget) spend(ref *reference, obj *object) {
	b.read -= obj.size
	obj.size = 0 // it is read once, however many references name it
	if !ref.wasRead() {
		return
	}
	elements, inside := ref.listCost(), 0
	if !ref.Literal || ref.TargetPath == "" { // else it is one string
		inside = nodes(ref.data)
	}
	b.data -= len(ref.data)
	switch {
	case b.data < 0:
		ref.unread = "is too large"
	case elements > b.listCost:
		ref.unread = "asks for too long a list"
	case inside > b.nodes:
		ref.unread = "has too many keys and entries"
	default:
		b.listCost -= elements
		b.nodes -= inside
	}
}

// nodes is how many keys and entries a text in YAML or JSON has at most: each begins a line, or follows one of these.
func nodes(text string) int {
	n := 0
	for _, sign := range []string{"\n", "\r", "\u0085", "\u2028", "\u2029", ",", "[", "{", "- ", "-\t"} {
		n += strings.Count(text, sign)
	}
	return n
}

// listCost is how many list elements helm --set makes at most for what is read for a reference, and for
// its targetPath.
func (ref *reference) listCost() int {
	switch {
	case ref.TargetPath == "":
		return 0
	case ref.Literal:
		return listCost(ref.TargetPath)
	default:
		return listCost(ref.TargetPath) + listCost(ref.data)
	}
}

func listCost(s string) int {
	cost := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '[' {
			continue
		}
		position := 0
		for ; i+1 < len(s) && strings.IndexByte(`0123456789+\`, s[i+1]) >= 0; i++ {
			if digit := int(s[i+1]) - '0'; digit >= 0 && digit <= 9 {
				position = min(10*position+digit, maxListCost)
			}
		}
		cost += 1 + position
	}
	return cost
}
