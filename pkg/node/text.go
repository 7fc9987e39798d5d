package node

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxLine is how many bytes of a foreign line are shown.
const maxLine = 300

// line makes foreign text (a log line, an error) fit for one line of evidence: printable, without what may
// be a credential, and shortened.
func line(s string) string {
	s = hideTokens(strings.ToValidUTF8(s, "?"))
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

// hideTokens replaces what may be a credential in free text: user info and queries of URLs, values of
// Authorization headers, and what follows the usual names of a token.
func hideTokens(s string) string {
	for _, h := range []struct{ pattern, with string }{
		{`://[^/@\s"']*@`, "://***@"},
		{`(https?://[^\s"'?]*)\?[^\s"']*`, "$1?***"},
		{`(?i)\b(bearer|basic)(\s+|\\?["':=]+\s*)[A-Za-z0-9._~+/=-]{8,}`, "$1 ***"},
		{`(?i)\b(authorization|access_token|refresh_token|identitytoken|token|password|passwd|secret|auth)(\\?["']\s*[:=]\s*\\?["']?|[:=]\\?["']?)([^\s"',;\\]+)`, "$1$2***"},
	} {
		s = regexp.MustCompile(h.pattern).ReplaceAllString(s, h.with)
	}
	return s
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
func shownName(s string) string { return validate.Clean(s) }

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
