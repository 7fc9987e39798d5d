package cli

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// placed is an error at a line of a file; it is printed right after the file's name.
type placed struct {
	line    int
	message string
}

func (p *placed) Error() string {
	if p.line == 0 {
		return ": " + p.message
	}
	return fmt.Sprintf(":%d: %s", p.line, p.message)
}

// dotenvName is what may stand before the equals sign; not all of it are names that Flux substitutes.
var dotenvName = regexp.MustCompile(`^[-._a-zA-Z0-9]+$`)

// parseDotenv reads NAME=VALUE, one a line: blank lines, comments and a leading export are allowed; names that
// can't be a variable's are left out, as those of a ConfigMap are. A value may be quoted, and in double quotes \n, \", \\ and \$ stand for what they stand for in a shell.
// Nothing is expanded, because a password may hold a dollar sign.
func parseDotenv(data []byte) (map[string]string, error) {
	vars := map[string]string{}
	text := strings.TrimPrefix(string(data), "\ufeff")
	number := 0
	for line := range strings.Lines(text) {
		number++
		if !utf8.ValidString(line) {
			return nil, &placed{number, "not UTF-8"}
		}
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if words := strings.Fields(name); len(words) == 2 && words[0] == "export" {
			name = words[1]
		}
		name = strings.TrimSpace(name)
		if !ok || !dotenvName.MatchString(name) {
			return nil, &placed{number, "want NAME=VALUE, or the YAML of a ConfigMap or Secret"}
		}
		value, ok = unquote(strings.TrimSpace(value))
		if !ok {
			return nil, &placed{number, "the quotes around the value do not end, or something follows them"}
		}
		if variableName.MatchString(name) {
			vars[name] = value
		}
	}
	return vars, nil
}

// unquote takes off quotes, or a comment behind a value without quotes.
func unquote(s string) (string, bool) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		if i := strings.Index(s, " #"); i >= 0 {
			s = strings.TrimSpace(s[:i])
		}
		return s, true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			rest := strings.TrimSpace(s[i+1:])
			return b.String(), rest == "" || rest[0] == '#'
		case s[0] == '"' && s[i] == '\\' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case '"', '\\', '$':
				b.WriteByte(s[i])
			default:
				b.WriteByte('\\')
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return "", false
}
