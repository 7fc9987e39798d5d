package yamldoc

import (
	"bytes"
	"regexp"
	"strconv"
)

// escape matches a character that is written as its number in double quotes, and a line that goes on in the
// next one.
var escape = regexp.MustCompile(`\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\\r?\n[ \t]*\\?`)

// Unescaped is a text with such characters as themselves, and the way back to where they are written.
type Unescaped struct {
	Text []byte
	from []int // where each byte of Text is written; nil where it is the same place
}

// Unescape reads a text. It knows nothing of quotes: a text outside of them that looks like an escape becomes
// another, which matters to nobody who searches for a word.
func Unescape(data []byte) Unescaped {
	if bytes.IndexByte(data, '\\') < 0 || !escape.Match(data) {
		return Unescaped{Text: data}
	}
	var u Unescaped
	add := func(s []byte, at int, moves bool) {
		for i := range s {
			u.Text = append(u.Text, s[i])
			if moves {
				u.from = append(u.from, at+i)
			} else {
				u.from = append(u.from, at)
			}
		}
	}
	last := 0
	for _, m := range escape.FindAllIndex(data, -1) {
		add(data[last:m[0]], last, true)
		if c := data[m[0]+1]; c != '\n' && c != '\r' {
			if code, err := strconv.ParseUint(string(data[m[0]+2:m[1]]), 16, 31); err == nil {
				add([]byte(string(rune(code))), m[0], false)
			}
		}
		last = m[1]
	}
	add(data[last:], last, true)
	u.from = append(u.from, len(data))
	return u
}

// Written is where a range of Text is written.
func (u Unescaped) Written(start, end int) (from, to int) {
	if u.from == nil {
		return start, end
	}
	return u.from[start], u.from[end]
}
