package redact

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/pelletier/go-toml/v2"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxLine is how many bytes of a foreign line are shown.
const maxLine = 300

// Line makes foreign text (a log line, an error) fit for one line of evidence: printable, without what may
// be a credential, and shortened.
func Line(s string) string { return Printable(hideTokens(strings.ToValidUTF8(s, "?"))) }

// Printable makes one line of a text, and shortens it. It hides nothing.
func Printable(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + "..."
	}
	return s
}

// Argument is the beginning of what a person typed, in quotes, as it was typed: what can't be printed is escaped.
func Argument(s string) string {
	s = hideTokens(s)
	return strconv.QuoteToASCII(s[:min(len(s), maxLine)])
}

// Quote is a foreign value in quotes.
func Quote(s string) string { return validate.Quote(s) }

// Name is a foreign name without quotes.
func Name(s string) string { return strings.Trim(Quote(s), `"`) }

// Path is a foreign path without quotes; only its single names are shortened.
func Path(p string) string {
	names := strings.Split(p, "/")
	for i, name := range names {
		if name != "" {
			names[i] = Name(name)
		}
	}
	return Printable(strings.Join(names, "/"))
}

// TOMLError says what is wrong in a foreign file, and where.
func TOMLError(err error) string {
	if at := (*toml.DecodeError)(nil); errors.As(err, &at) {
		row, column := at.Position()
		text, _, typed := strings.Cut(at.Error(), " into struct field ") // of this program
		if typed {
			text += " into " + strings.Join(at.Key(), ".")
		}
		return fmt.Sprintf("line %d, column %d: %s", row, column, Line(text))
	}
	return Line(err.Error())
}
