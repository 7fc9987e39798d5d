package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// syntaxError turns "yaml: line 3: did not ..." into the form of the other errors.
func syntaxError(name string, data []byte, at func(line int) int, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, after, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			if countsFromZero(after) {
				line++
			}
			return fmt.Errorf("%s:%d: not YAML: %s", name, at(line), after)
		}
	}
	return fmt.Errorf("%s:%d: not YAML: %s", name, at(findLine(data, text)), text)
}

// findLine looks for the line of an error for which yaml.v3 tells none; 1 if it is not to be found.
func findLine(data []byte, text string) int {
	at := 0
	if anchor, ok := strings.CutPrefix(text, "unknown anchor '"); ok {
		anchor, _, _ = strings.Cut(anchor, "'")
		at = bytes.Index(data, []byte("*"+anchor))
	} else if strings.Contains(text, "UTF-8") || strings.Contains(text, "control characters") {
		at = bytes.IndexFunc(data, func(r rune) bool {
			return r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r)
		})
	}
	return 1 + bytes.Count(data[:max(at, 0)], []byte("\n"))
}

// countsFromZero reports whether yaml.v3 counts the lines of an error from 0: those of its parser, which
// begin as below. Those of its scanner count from 1.
func countsFromZero(text string) bool {
	return slices.ContainsFunc([]string{
		"did not find expected node content", "did not find expected '-'", "did not find expected key",
		"did not find expected ','", "did not find expected <document start>", "found undefined tag handle",
		"found duplicate %", "found incompatible YAML document",
	}, func(start string) bool { return strings.HasPrefix(text, start) })
}
