package report

import (
	"bytes"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxSourceLine is how many code points of a source line are shown.
const maxSourceLine = 120

// sources shows lines of files, each file read once.
type sources struct {
	style
	read  func(string) ([]byte, error)
	files map[string][][]rune
}

// show is the line that an entry is about, with a caret below its column; nothing where there is none to show.
func (s *sources) show(e *Entry) []string {
	text, indent, ok := s.line(e.Place)
	if !ok || e.Secret {
		return nil
	}
	number := strconv.Itoa(e.Line)
	shown := []string{number + " | " + text}
	if e.Column > 0 {
		shown = append(shown, strings.Repeat(" ", len(number))+" | "+indent+s.bold("^"))
	}
	return shown
}

// line is the source line at a place and what to put before a caret under it.
func (s *sources) line(p Place) (text, indent string, ok bool) {
	lines := s.file(p.File)
	if p.Line < 1 || p.Line > len(lines) || lines[p.Line-1] == nil {
		return "", "", false
	}
	line, at := lines[p.Line-1], max(p.Column-1, 0)
	if at > len(line) {
		return "", "", false // not the file that was checked
	}
	start := 0
	if at > maxSourceLine*3/4 {
		start = at - maxSourceLine/2
	}
	end := min(len(line), start+maxSourceLine)
	text, indent = printable(string(line[start:end])), strings.Repeat(" ", at-start)
	if start > 0 {
		text, indent = "..."+text, "   "+indent
	}
	if end < len(line) {
		text += "..."
	}
	return text, indent, true
}

// file is the lines of a file, none if it is no YAML.
func (s *sources) file(name string) [][]rune {
	lines, known := s.files[name]
	if known || s.read == nil {
		return lines
	}
	switch ext := path.Ext(name); {
	case ext == ".yaml", ext == ".yml", ext == ".json", name == Stdin:
		if data, err := s.read(name); err == nil && utf8.Valid(data) {
			lines = shownLines(string(bytes.TrimPrefix(data, []byte("\ufeff"))))
		}
	}
	s.files[name] = lines
	return lines
}

// shownLines are the lines of a stream of documents. Those of one that may hold a secret, or that is not YAML, are nil.
func shownLines(data string) (all [][]rune) {
	add := func(document string) {
		var root yaml.Node
		hidden := yaml.Unmarshal([]byte(document), &root) != nil || speaksOfSecret(&root)
		for line := range strings.Lines(document) {
			if hidden {
				all = append(all, nil)
			} else {
				all = append(all, []rune(strings.TrimRight(line, "\r\n")))
			}
		}
	}
	start, at := 0, 0
	for line := range strings.Lines(data) {
		if strings.HasPrefix(line, "---") {
			add(data[start:at])
			start = at
		}
		at += len(line)
	}
	add(data[start:])
	return all
}

// secret is what a Secret, what generates one, and a patch of one hold.
var secret = regexp.MustCompile(`\b(Secret|stringData|secretGenerator)\b`)

// speaksOfSecret reports whether a text in a node speaks of a Secret. What only refers to one holds none.
func speaksOfSecret(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode {
		return secret.MatchString(n.Alias.Value)
	}
	for i, child := range n.Content {
		refers := n.Kind == yaml.MappingNode && i%2 == 1 && (n.Content[i-1].Value == "valuesFrom" || n.Content[i-1].Value == "substituteFrom")
		if !refers && speaksOfSecret(child) {
			return true
		}
	}
	return secret.MatchString(n.Value)
}
