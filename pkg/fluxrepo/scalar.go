package fluxrepo

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalarReader reads a scalar of YAML once more, to learn where each character of its value stands. The
// decoder tells where the scalar begins only.
type scalarReader struct {
	lines []string
	runes []rune  // of the line that was looked at last
	known int     // its number, counting from 1
	at    spotPos // counts from 0
	value []rune
	from  []spotPos // where each of value stands, counting from 1
}

// positions are the places of the characters of a scalar's value; nil if they can't be told.
func positions(lines []string, n *yaml.Node) []spotPos {
	r := &scalarReader{lines: lines, at: spotPos{n.Line - 1, n.Column - 1}}
	r.skipProperties()
	want := []rune(n.Value)
	switch r.peek() {
	case '"':
		r.at.column++
		r.flow(len(want), '"')
	case '\'':
		r.at.column++
		r.flow(len(want), '\'')
	case '|', '>':
		r.block(len(want), r.peek() == '>')
	default:
		r.flow(len(want), 0)
	}
	if string(r.value) != n.Value {
		return nil
	}
	return r.from
}

func (r *scalarReader) line() []rune {
	if r.at.line < 0 || r.at.line >= len(r.lines) {
		return nil
	}
	return r.row(r.at.line)
}

// row is a line by its number, counting from 0. Most of a file is not looked at, so none is taken apart before.
func (r *scalarReader) row(i int) []rune {
	if r.known != i+1 {
		r.runes, r.known = []rune(r.lines[i]), i+1
	}
	return r.runes
}

// peek is the next character, or 0 at the end of a line.
func (r *scalarReader) peek() rune {
	if line := r.line(); r.at.column >= 0 && r.at.column < len(line) {
		return line[r.at.column]
	}
	return 0
}

// skipProperties leaves a tag and an anchor behind.
func (r *scalarReader) skipProperties() {
	for r.peek() == '&' || r.peek() == '!' {
		for r.peek() != 0 && r.peek() != ' ' {
			r.at.column++
		}
		r.skipBlanks()
		for r.peek() == 0 && r.at.line+1 < len(r.lines) {
			r.at = spotPos{r.at.line + 1, 0}
			r.skipBlanks()
		}
	}
}

func (r *scalarReader) skipBlanks() {
	for r.peek() == ' ' || r.peek() == '\t' {
		r.at.column++
	}
}

// put adds a character that stands at a place.
func (r *scalarReader) put(c rune, at spotPos) {
	r.value = append(r.value, c)
	r.from = append(r.from, spotPos{at.line + 1, at.column + 1})
}

// flow reads a quoted scalar, or one without quotes, up to so many characters.
func (r *scalarReader) flow(size int, quote rune) {
	keep := 0 // characters that are no blanks at the end of a line
	for len(r.value) < size && r.at.line < len(r.lines) {
		at := r.at
		c := r.peek()
		switch {
		case c == 0:
			r.value, r.from = r.value[:keep], r.from[:keep]
			r.fold()
			keep = len(r.value)
			continue
		case quote == '"' && c == '\\':
			r.at.column++
			if r.peek() == 0 { // the line goes on in the next one
				r.at = spotPos{r.at.line + 1, 0}
				r.skipBlanks()
				keep = len(r.value)
				continue
			}
			c = r.escape()
		case quote == '\'' && c == '\'':
			r.at.column += 2
		default:
			r.at.column++
			r.put(c, at)
			if c != ' ' && c != '\t' {
				keep = len(r.value)
			}
			continue
		}
		r.put(c, at)
		keep = len(r.value)
	}
}

// fold turns the end of a line into a blank, and more of them into all but the first.
func (r *scalarReader) fold() {
	end, breaks := r.at, 0
	for r.peek() == 0 && r.at.line < len(r.lines) {
		r.at = spotPos{r.at.line + 1, 0}
		r.skipBlanks()
		breaks++
	}
	if breaks == 1 {
		r.put(' ', end)
	}
	for range breaks - 1 {
		r.put('\n', end)
	}
}

const (
	escapes = `0abtnvfre "/\N_LP` + "\t"
	escaped = "\x00\a\b\t\n\v\f\r\x1b \"/\\\u0085\u00a0\u2028\u2029\t"
)

// escape reads what follows a backslash.
func (r *scalarReader) escape() rune {
	c := r.peek()
	r.at.column++
	if i := strings.IndexRune(escapes, c); i >= 0 {
		return []rune(escaped)[i]
	}
	digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[c]
	end := min(r.at.column+digits, len(r.line()))
	code, err := strconv.ParseUint(string(r.line()[r.at.column:end]), 16, 32)
	r.at.column = end
	if err != nil {
		return 0
	}
	return rune(code) //nolint:gosec // what is too large does not equal the value
}

// block reads a literal or a folded block.
func (r *scalarReader) block(size int, folded bool) {
	first := r.at.line + 1
	indent := r.indent(first)
	for i := first; i < len(r.lines) && len(r.value) < size; i++ {
		for c := indent; c < len(r.row(i)); c++ {
			r.put(r.row(i)[c], spotPos{i, c})
		}
		end := spotPos{i, max(len(r.row(i)), indent)}
		if last := len(r.value)+1 >= size; !folded || last {
			r.put('\n', end)
		} else {
			r.endLine(i, indent, end)
		}
	}
	if len(r.value) > size {
		r.value, r.from = r.value[:size], r.from[:size]
	}
}

// endLine reads the end of a line of a folded block.
func (r *scalarReader) endLine(i, indent int, end spotPos) {
	more := func(i int) bool { // indented more than the block, so it is not folded
		return i < len(r.lines) && len(r.row(i)) > indent && (r.row(i)[indent] == ' ' || r.row(i)[indent] == '\t')
	}
	empty := func(i int) bool { return i < len(r.lines) && len(r.row(i)) <= indent }
	switch {
	case i+1 >= len(r.lines) || empty(i) || more(i) || more(i+1):
		r.put('\n', end)
	case !empty(i + 1):
		r.put(' ', end)
	default: // the first of several line ends goes away, unless what follows is indented more
		next := i + 1
		for empty(next) {
			next++
		}
		if next >= len(r.lines) || more(next) {
			r.put('\n', end)
		}
	}
}

// indent is by how much a block is moved in: as its head says, or as its first line that is not empty.
func (r *scalarReader) indent(first int) int {
	found := 0
	for i := first; i < len(r.lines) && found == 0; i++ {
		if text := strings.TrimLeft(string(r.row(i)), " "); text != "" {
			found = len(r.row(i)) - len([]rune(text))
		}
	}
	return found
}
