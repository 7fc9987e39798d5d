package validate

import (
	"strconv"
	"strings"
	"unicode"
)

// maxQuoted is how many bytes of a value a message shows.
const maxQuoted = 64

// Quote makes a value fit for one line of a message: in double quotes, ASCII, without white space or
// control characters, without user info or query (both may hold a password), and at most 64 bytes and
// an ellipsis long. White space is taken out because Flux deletes an object when a denial's text
// matches `is\simmutable` or `immutable\sfield` (fluxcd/pkg/ssa), and no value may bring that about.
func Quote(s string) string {
	return `"` + Clean(hideCredentials(s)) + `"`
}

// Clean is Quote without the quotes and without a look at user info, for names of objects.
func Clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		var piece string
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar:
			piece = "_"
		case r == '"':
			piece = "'"
		case r > unicode.MaxASCII:
			piece = strings.Trim(strconv.QuoteToASCII(string(r)), `"`)
		default:
			piece = string(r)
		}
		if b.Len()+len(piece) > maxQuoted {
			b.WriteString("...")
			break
		}
		b.WriteString(piece)
	}
	return b.String()
}

// hideCredentials replaces what may be a password: all up to the last @, and a query after it.
func hideCredentials(s string) string {
	shown := ""
	if before, after, ok := strings.CutLast(s, "@"); ok {
		if scheme, _, ok := strings.Cut(before, "://"); ok && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http")) {
			shown = scheme + "://"
		}
		shown += "***@"
		s = after
	}
	if before, _, ok := strings.Cut(s, "?"); ok {
		s = before + "?***"
	}
	return shown + s
}
