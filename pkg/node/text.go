package node

import (
	"fmt"
	"regexp"
	"strconv"
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

// What may lead to a credential in free text.
var (
	userInfo  = regexp.MustCompile(`://[^\s"']*@`) // up to the last @: a password may hold / and @
	urlQuery  = regexp.MustCompile(`(https?://[^\s"'?]*)\?[^\s"']*`)
	knownForm = regexp.MustCompile(`\b(eyJ[A-Za-z0-9_-]{6,}|gh[a-z]_|github_pat_|glpat-)[A-Za-z0-9._-]*`)
	// A scheme with its value, and a name as of a header or of key=value.
	secretName = regexp.MustCompile(`(?i)\b(bearer|basic)(\s+token)?\b\\*["']?[\s:=]+|` +
		`[\w-]*(authorization|auth|token|passw(or)?d|pass|pwd|secret|[_-]key|apikey|cookie|credentials?|session|sid)\\*["']?\s*[:=]\s*`)
)

// hideTokens replaces what may be a credential. How a value ends is not known (a header may hold several words),
// so all that follows a name of one is left out, to the end.
func hideTokens(s string) string {
	s = userInfo.ReplaceAllString(s, "://***@")
	s = urlQuery.ReplaceAllString(s, "$1?***")
	s = knownForm.ReplaceAllString(s, "***")
	for _, at := range secretName.FindAllStringIndex(s, -1) {
		name := strings.ToLower(s[at[0]:at[1]])
		before := strings.ToLower(s[:at[0]])
		switch {
		case strings.HasPrefix(name, "basic") && (s[at[1]:] == "auth" || strings.HasPrefix(s[at[1]:], "auth credentials")): // containerd's own words
		case strings.HasPrefix(name, "token") && (strings.HasSuffix(before, "fetch oauth ") || strings.HasSuffix(before, "fetch anonymous ")):
		case at[1] == len(s):
		default:
			return s[:at[1]] + "***"
		}
	}
	return s
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
func shownName(s string) string { return validate.Clean(s) }

// shownPath is a foreign path without quotes; only its single names are shortened.
func shownPath(p string) string {
	names := strings.Split(p, "/")
	for i, name := range names {
		if name != "" {
			names[i] = shownName(name)
		}
	}
	return line(strings.Join(names, "/"))
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
