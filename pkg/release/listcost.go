package release

import "strings"

// maxListCost bounds the list elements that all references with a targetPath may ask for together. Helm
// takes a position up to 65536 and makes every element below it, once for each [65536] that it reads: a
// ConfigMap full of them takes more memory than there is, and one full of [0] nests lists without end.
const maxListCost = 1 << 17

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
