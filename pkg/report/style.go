package report

import "github.com/spegel-guard/spegel-guard/pkg/validate"

// style colours text for a terminal, or leaves it as it is.
type style bool

func (s style) paint(code, text string) string {
	if !s {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string { return s.paint("1", text) }

func (s style) verdict(v Verdict) string {
	switch v {
	case VerdictDeny:
		return s.paint("1;31", string(v))
	case VerdictPass:
		return s.paint("1;32", string(v))
	default:
		return s.paint("1;33", string(v))
	}
}

func (s style) severity(severity validate.Severity, text string) string {
	if severity == validate.Deny {
		return s.paint("31", text)
	}
	return s.paint("33", text)
}
