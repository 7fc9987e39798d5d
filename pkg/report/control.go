package report

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// steers reports whether a character could start a new line, move the cursor of a terminal, or turn text round.
// File names and names of objects may hold any.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// printable makes one line of a text, which does nothing but show.
func printable(s string) string { return without(strings.ReplaceAll(s, "\t", " "), "") }

// Printable is a text of any number of lines that does nothing but show.
func Printable(s string) string { return without(s, "\n\r\t") }

// without replaces what steers and is not kept.
func without(s, kept string) string {
	return strings.Map(func(r rune) rune {
		if steers(r) && !strings.ContainsRune(kept, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// escape writes the characters that steer, in text that an encoder wrote and that has its own way to write
// any character, in that way. Line ends are the encoder's.
func escape(text []byte, format string) []byte {
	var out bytes.Buffer
	for _, r := range string(text) {
		if steers(r) && r != '\n' {
			fmt.Fprintf(&out, format, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

const (
	inJSON = `\u%04x`
	inXML  = `&#x%X;`
)
