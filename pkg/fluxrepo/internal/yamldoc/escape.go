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
	Text    []byte
	written []byte
}

// Unescape reads a text. It knows nothing of quotes: a text outside of them that looks like an escape becomes
// another, which matters to nobody who searches for a word.
func Unescape(data []byte) Unescaped {
	if bytes.IndexByte(data, '\\') < 0 {
		return Unescaped{data, data}
	}
	return Unescaped{escape.ReplaceAllFunc(data, character), data}
}

// character is what an escape stands for.
func character(e []byte) []byte {
	code, err := strconv.ParseUint(string(e[2:]), 16, 31)
	if err != nil { // a line that goes on, or no character
		return nil
	}
	return []byte(string(rune(code)))
}

// Written is where a range of Text is written.
func (u Unescaped) Written(start, end int) (from, to int) { return u.at(start), u.at(end) }

func (u Unescaped) at(i int) int {
	last, text := 0, 0 // up to where both were read
	for _, m := range escape.FindAllIndex(u.written, -1) {
		text += m[0] - last
		if i < text {
			return m[0] - (text - i)
		}
		n := len(character(u.written[m[0]:m[1]]))
		if i < text+n {
			return m[0]
		}
		last, text = m[1], text+n
	}
	return last + i - text
}
