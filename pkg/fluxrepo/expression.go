package fluxrepo

import (
	"regexp"
	"strings"
)

// opening is how an expression over a variable begins.
var opening = regexp.MustCompile(`^\$\{#?(\w+)`)

// blank puts what unknown returns in the place of each expression over a variable that isn't known, as a
// whole: a part of it, its length or what stands for it where it is set, is not known either.
func blank(text string, known func(name string) bool, unknown func(name string) string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i:]
		n := 1
		if strings.HasPrefix(text, "$$") { // an escape
			n = 2
		} else if m := opening.FindStringSubmatch(text); len(m) > 1 && !known(m[1]) {
			end := closing(text)
			if end > 0 {
				b.WriteString(unknown(m[1]))
				text = text[end:]
				continue
			}
			if n = strings.IndexByte(text, '\n'); n < 0 { // left to what reads it next
				n = len(text)
			}
		}
		b.WriteString(text[:n])
		text = text[n:]
	}
}

// closing is where the expression that a text begins with ends, or 0 where it does not.
func closing(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "${"):
			depth++
			i++
		case text[i] == '\n': // there is none that goes over several lines
			return 0
		case text[i] == '}':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
