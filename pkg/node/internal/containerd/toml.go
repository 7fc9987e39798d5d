package containerd

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// maxTOML is how many bytes a file may have: the parser takes four times as long for twice as many tables.
const maxTOML = 64 << 10

// maxNesting is how deep arrays, inline tables and the parts of one dotted key may go. A parser calls itself for each level: some
// thousand of them take gigabytes, and some more the whole process with them. containerd's own files need six.
const maxNesting = 32

// readTOML reads a file of the node that a parser may be given.
func readTOML(ctx context.Context, files nodefs.Files, name string) ([]byte, error) {
	data, err := files.ReadFile(ctx, name, maxTOML)
	if err != nil {
		return nil, err
	}
	return data, checkNesting(data, maxNesting)
}

// checkNesting counts brackets, and the dots of a key, outside of strings and comments. What is no TOML it may take otherwise than
// a parser does only after the place where that gives up.
func checkNesting(data []byte, most int) error {
	brackets, dots := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"', '\'':
			i = endOfString(data, i) - 1
			continue
		case '#':
			for i+1 < len(data) && data[i+1] != '\n' {
				i++
			}
			continue
		case '[', '{':
			brackets++
			dots = 0
		case ']', '}':
			brackets = max(brackets-1, 0)
		case '\n', '=', ',':
			dots = 0
		case '.':
			dots++
		}
		if max(brackets, dots) > most {
			return fmt.Errorf("line %d: nested more than %d levels deep", 1+bytes.Count(data[:i], []byte("\n")), most)
		}
	}
	return nil
}

// endOfString is where the text goes on after the string that begins at a place.
func endOfString(data []byte, at int) int {
	quote, lines := data[at], false
	if at+2 < len(data) && data[at+1] == quote && data[at+2] == quote {
		lines = true
		at += 2
	}
	for i := at + 1; i < len(data); i++ {
		switch {
		case data[i] == '\\' && quote == '"':
			i++
		case data[i] == '\n' && !lines:
			return i
		case data[i] != quote:
		case !lines:
			return i + 1
		case i+2 < len(data) && data[i+1] == quote && data[i+2] == quote:
			i += 3
			for last := i + 2; i < min(last, len(data)) && data[i] == quote; { // two of its own may stand before the three that end it
				i++
			}
			return i
		}
	}
	return len(data)
}

// tomlError says what is wrong in a file, and where.
func tomlError(err error) string {
	if at := (*toml.DecodeError)(nil); errors.As(err, &at) {
		row, column := at.Position()
		return fmt.Sprintf("line %d, column %d: %s", row, column, redact.Line(at.Error()))
	}
	return redact.Line(err.Error())
}
