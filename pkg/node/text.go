package node

import (
	"fmt"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// names are foreign names, fit to be shown.
func names(foreign []string) []string {
	out := make([]string, 0, len(foreign))
	for _, n := range foreign {
		out = append(out, redact.Name(n))
	}
	return out
}

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
