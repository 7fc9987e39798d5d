package node

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxLine is how many bytes of a foreign line are shown.
const maxLine = 300

// line makes foreign text (a log line, an error) fit for one line of evidence: printable, without what may
// be a credential, and shortened.
func line(s string) string { return printable(hideTokens(strings.ToValidUTF8(s, "?"))) }

// printable makes one line of a text, and shortens it.
func printable(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || !unicode.IsPrint(r) {
			space = b.Len() > 0
			continue
		}
		if b.Len() > maxLine {
			b.WriteString("...")
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// given is what a person typed, in quotes, as it was typed: what can't be printed is escaped.
func given(s string) string {
	s = hideTokens(s)
	if len(s) > maxLine {
		s = s[:maxLine] + "..."
	}
	return strconv.QuoteToASCII(s)
}

// shown is a foreign value in quotes.
func shown(s string) string { return validate.Quote(s) }

// list joins words as a sentence does.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// few shows the first of many.
func few(words []string) string {
	const most = 8
	if len(words) <= most {
		return list(words)
	}
	return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", len(words)-most)
}

// shownName is a foreign name without quotes.
func shownName(s string) string { return strings.Trim(shown(s), `"`) }

// shownPath is a foreign path without quotes; only its single names are shortened.
func shownPath(p string) string {
	names := strings.Split(p, "/")
	for i, name := range names {
		if name != "" {
			names[i] = shownName(name)
		}
	}
	return printable(strings.Join(names, "/"))
}

// word makes a foreign name one word of a shell command that can be pasted. A name that no person gives is
// not put into a command at all.
func word(s string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"
	switch {
	case s != "" && strings.Trim(s, safe) == "" && s[0] != '-':
		return s
	case s == "" || s[0] == '-' || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }):
		return "<name>"
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
