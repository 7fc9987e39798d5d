package fluxrepo

import (
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestPositions: each character of a scalar's value stands where it is told to stand.
func TestPositions(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"literal":                  "a: |\n  x: y\n\n  z\n",
		"literal, stripped":        "a:\n  b: |-\n    x\n     y\n",
		"literal, kept":            "a: |+\n\n  x\n\n\n",
		"folded":                   "a: >\n  x\n  y\n\n  z\n\n\n  w\n",
		"folded, stripped":         "a: >-\n  x\n  y\n",
		"folded, indented further": "a: >\n  x\n    y\n    z\n\n  w\n  v\n",
		"double quotes":            "a: \"x y\\n\\t\\\"z\\u00e9\\x41\"\n",
		"double quotes, lines":     "a: \"x  \n\n  y \\\n    z\n  w\"\n",
		"single quotes":            "a: 'x ''y'' z'\n",
		"single quotes, lines":     "a: 'x\n\n\n  y\n  z'\n",
		"no quotes":                "a: x y z # comment\n",
		"no quotes, lines":         "a: x\n  y\n\n  z\n",
		"an anchor and a tag":      "a: &b !!str\n  'x y'\n",
		"more than ASCII":          "a: \"äöü ${X} 漢字\"\n",
		"in a list":                "- |\n  x\n- b\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs, err := decodeDocuments([]byte(doc))
			if err != nil || len(docs) != 1 {
				t.Fatalf("%d documents, error %v", len(docs), err)
			}
			var n *yaml.Node
			if docs[0].Kind == yaml.SequenceNode {
				n = docs[0].Content[0]
			} else {
				for n = docs[0]; n.Kind == yaml.MappingNode; {
					n = n.Content[1]
				}
			}
			lines := splitLines(doc)
			at := positions(lines, n)
			value := []rune(n.Value)
			if len(at) != len(value) {
				t.Fatalf("%d places for %d characters of %q", len(at), len(value), n.Value)
			}
			for i, c := range value {
				line := []rune(lines[at[i].line-1])
				got := "\n"
				if at[i].column <= len(line) {
					got = string(line[at[i].column-1])
				}
				same := got == string(c) || got == "\\" || got == "\n" && c == ' ' || got == " " && c == '\n'
				if !same {
					t.Errorf("character %d, %q, is at %+v, where %q stands", i, c, at[i], got)
				}
			}
		})
	}
}

// TestPositionsOfWhatIsElsewhere: a scalar that does not stand where it is said to has no places.
func TestPositionsOfWhatIsElsewhere(t *testing.T) {
	t.Parallel()
	for _, n := range []*yaml.Node{{Line: 1, Column: 1, Value: "other"}, {Line: 9, Column: 9, Value: "x"}, {Line: 0, Column: 0, Value: "x"}} {
		if at := positions([]string{"x: y"}, n); at != nil {
			t.Errorf("%+v: %v", n, at)
		}
	}
}

// FuzzPositions: whatever the scalar, there is a place for each character or for none.
func FuzzPositions(f *testing.F) {
	for _, s := range []string{"a: |2\n    x\n", "a: >-\n  x\n\n  y\n", "a: \"\\U0001F600\\\n  x\"\n", "a: 'x\n\n y'", "? |\n x\n: y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		docs, _ := decodeDocuments([]byte(doc))
		for _, d := range docs {
			eachScalar(d, func(n *yaml.Node) {
				if at := positions(splitLines(doc), n); at != nil && len(at) != len([]rune(n.Value)) {
					t.Errorf("%d places for %q", len(at), n.Value)
				}
			})
		}
	})
}
