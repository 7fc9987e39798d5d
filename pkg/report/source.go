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
	files map[string][]string
}

func newSources(read func(string) ([]byte, error)) *sources {
	return &sources{read, map[string][]string{}}
}

// line is the source line at a place and what to put before a caret under it.
func (s *sources) line(p Place) (text, indent string, ok bool) {
	lines := s.lines(p.File)
	if p.Line < 1 || p.Line > len(lines) || mayHoldSecret(lines, p.Line-1) {
		return "", "", false
	}
	line := []rune(lines[p.Line-1])
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

func (s *sources) lines(file string) []string {
	lines, known := s.files[file]
	if known || s.read == nil {
		return lines
	}
	switch ext := path.Ext(file); {
	case ext == ".yaml", ext == ".yml", ext == ".json", file == Stdin:
		data, err := s.read(file)
		if err == nil && utf8.Valid(data) {
			data = bytes.TrimPrefix(data, []byte("\ufeff"))
			lines = strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
		}
	}
	s.files[file] = lines
	return lines
}

// mayHoldSecret looks at the YAML document around a line. What can't be read may hold one.
func mayHoldSecret(lines []string, at int) bool {
	separator := func(line string) bool { return strings.HasPrefix(line, "---") }
	start, end := at, at+1
	for start > 0 && !separator(lines[start]) {
		start--
	}
	for end < len(lines) && !separator(lines[end]) {
		end++
	}
	var doc document
	if err := yaml.Unmarshal([]byte(strings.Join(lines[start:end], "\n")), &doc); err != nil {
		return true
	}
	return doc.secret()
}

// document is what tells whether a document holds a secret: its own, or that of a patch in it.
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

// namesSecret tells whether a text in a node speaks of a Secret, or of what only a Secret has.
func namesSecret(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (strings.Contains(n.Value, "Secret") || strings.Contains(n.Value, "stringData")) ||
		slices.ContainsFunc(n.Content, namesSecret)
}
