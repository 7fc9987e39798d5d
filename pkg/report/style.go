package report

import (
	"fmt"
	"strings"
)

// style colours text for a terminal, or leaves it as it is.
type style bool

func (s style) paint(code, text string) string {
	if !s {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string { return s.paint("1", text) }

// word colours a verdict, a severity or the outcome of a check.
func (s style) word(of any) string {
	text := fmt.Sprint(of)
	switch strings.ToLower(text) {
	case "deny", "fail", "error":
		return s.paint("1;31", text)
	case "pass":
		return s.paint("1;32", text)
	case "skip":
		return text
	}
	return s.paint("1;33", text)
}
