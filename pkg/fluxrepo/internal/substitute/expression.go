package substitute

import (
	"regexp"
	"strings"
)

// opening is how an expression over a variable begins.
var opening = regexp.MustCompile(`^\$\{#?(\w+)`)

// withDefault is how one begins that says what stands for a variable without a value.
var withDefault = regexp.MustCompile(`^\$\{\w+:?[-=+?]`)

func hasDefault(expression string) bool { return withDefault.MatchString(expression) }

// each replaces the outermost expressions of a text.
func each(text string, replace func(name, expression string) string) string {
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
		} else if m := opening.FindStringSubmatch(text); len(m) > 1 {
			if end := closing(text); end > 0 {
				b.WriteString(replace(m[1], text[:end]))
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
