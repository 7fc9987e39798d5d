package report

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxSourceLine is how many code points of a source line are shown.
const maxSourceLine = 120

// sources shows lines of files, each file read once. A line that may hold a secret is not shown: one of
// a document that is a Secret, or that generates one, and any of a file that is no YAML.
type sources struct {
	read  func(string) ([]byte, error)
	files map[string]*source
}

// source is one file. Its documents are decoded once each, when a line of theirs is asked for: a report may show many.
type source struct {
	lines  []string
	starts []int        // the first line of each document
	secret map[int]bool // by the first line

	last      int // the line, counted from 0, that lastRunes are of
	lastRunes []rune
}

func newSources(read func(string) ([]byte, error)) *sources {
	return &sources{read, map[string]*source{}}
}

// line is the source line at a place and what to put before a caret under it.
func (s *sources) line(p Place) (text, indent string, ok bool) {
	file := s.file(p.File)
	if p.Line < 1 || p.Line > len(file.lines) || file.mayHoldSecret(p.Line-1) {
		return "", "", false
	}
	line := file.runes(p.Line - 1)
	at := max(p.Column-1, 0)
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

func (s *sources) file(name string) *source {
	if known := s.files[name]; known != nil {
		return known
	}
	file := &source{secret: map[int]bool{}}
	s.files[name] = file
	switch ext := path.Ext(name); {
	case s.read == nil:
	case ext == ".yaml", ext == ".yml", ext == ".json", name == Stdin:
		data, err := s.read(name)
		if err == nil && utf8.Valid(data) {
			data = bytes.TrimPrefix(data, []byte("\ufeff"))
			file.lines = strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
		}
	}
	for i, line := range file.lines {
		if i == 0 || strings.HasPrefix(line, "---") {
			file.starts = append(file.starts, i)
		}
	}
	return file
}

// runes are a line's code points. The next problem is often on the same line, which may be a whole file in JSON.
func (s *source) runes(at int) []rune {
	if s.lastRunes == nil || s.last != at {
		s.last, s.lastRunes = at, []rune(s.lines[at])
	}
	return s.lastRunes
}

// mayHoldSecret looks at the YAML document around a line. What can't be read may hold one.
func (s *source) mayHoldSecret(at int) bool {
	i, exact := slices.BinarySearch(s.starts, at)
	if !exact {
		i-- // 0 is always a start
	}
	start, end := s.starts[i], len(s.lines)
	if i+1 < len(s.starts) {
		end = s.starts[i+1]
	}
	secret, known := s.secret[start]
	if !known {
		var doc document
		err := yaml.Unmarshal([]byte(strings.Join(s.lines[start:end], "\n")), &doc)
		secret = err != nil || doc.secret()
		s.secret[start] = secret
	}
	return secret
}

// document is what reports whether a document holds a secret: its own, or that of a patch in it.
type document struct {
	Kind            string     `yaml:"kind"`
	SecretGenerator yaml.Node  `yaml:"secretGenerator"`
	Items           []document `yaml:"items"`
	Patches         yaml.Node  `yaml:"patches"`
	Merges          yaml.Node  `yaml:"patchesStrategicMerge"`
	Operations      yaml.Node  `yaml:"patchesJson6902"`
	Spec            yaml.Node  `yaml:"spec"`
}

func (d *document) secret() bool {
	spec := struct {
		Patches yaml.Node `yaml:"patches"`
		Merges  yaml.Node `yaml:"patchesStrategicMerge"`
	}{}
	if d.Spec.Kind == yaml.MappingNode && d.Spec.Decode(&spec) != nil {
		return true
	}
	return d.Kind == "Secret" || !d.SecretGenerator.IsZero() ||
		namesSecret(&d.Patches) || namesSecret(&d.Merges) || namesSecret(&d.Operations) || namesSecret(&spec.Patches) || namesSecret(&spec.Merges) ||
		slices.ContainsFunc(d.Items, func(item document) bool { return item.secret() })
}

// namesSecret reports whether a text in a node speaks of a Secret, or of what only a Secret has.
func namesSecret(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (strings.Contains(n.Value, "Secret") || strings.Contains(n.Value, "stringData")) ||
		slices.ContainsFunc(n.Content, namesSecret)
}
