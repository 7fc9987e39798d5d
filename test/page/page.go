// Package page reads pages of the documentation, for tests that do what they say. It imports nothing of the project.
package page

import (
	"regexp"
	"strings"
)

// Blocks returns what stands in the fenced blocks of a language, without the indentation of the fence and the last line's end.
func Blocks(markdown, language string) (blocks []string) {
	fence := regexp.MustCompile("(?ms)^( *)```" + regexp.QuoteMeta(language) + "\n(.*?)\n *```$")
	for _, m := range fence.FindAllStringSubmatch(markdown, -1) {
		var block strings.Builder
		for line := range strings.Lines(m[2]) {
			block.WriteString(strings.TrimPrefix(line, m[1]))
		}
		blocks = append(blocks, block.String())
	}
	return blocks
}
