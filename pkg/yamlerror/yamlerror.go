// Package yamlerror says where a text is not YAML: of the errors of go.yaml.in/yaml/v3 some count lines from 0, and some
// name none. It imports nothing of the project.
package yamlerror

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	numbered = regexp.MustCompile(`^line (\d+): (.*)`)
	// ofParser is how errors of the parser begin, which count lines from 0; those of the scanner count from 1.
	ofParser = regexp.MustCompile(`^(did not find expected (node content|'-'|key|','|<document start>)|found (undefined tag handle|duplicate %|incompatible YAML document))`)
	anchor   = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
	// refused is a character that YAML may not hold, or a byte that is none.
	refused = regexp.MustCompile(`[^\t\n\r\x20-\x7E\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFC}\x{10000}-\x{10FFFF}]`)
)

// Place is where an error of the decoder stands in a text, both counted from 1, and its reason without that. Where the text
// ends too early, it is the last line.
func Place(text []byte, err error) (line, column int, reason string) {
	reason = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := numbered.FindStringSubmatch(reason); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits
		if ofParser.MatchString(m[2]) {
			line++
		}
		return min(line, 1+bytes.Count(bytes.TrimRight(text, "\n"), []byte("\n"))), 1, m[2]
	}
	at := -1
	if m := anchor.FindStringSubmatch(reason); m != nil {
		at = bytes.Index(text, []byte("*"+m[1]))
	} else if m := refused.FindIndex(text); m != nil {
		at = m[0]
	}
	before := text[:max(at, 0)]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]), reason
}
