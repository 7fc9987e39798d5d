package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/yamlerror"
)

const (
	maxNodes = 1 << 20 // of a document, with its aliases expanded; a long scalar counts as several
	perNode  = 32      // in bytes of a scalar
	maxDepth = 500
	maxSize  = 4 << 20 // of a text
)

// Error is a document that can't be read. Line and Column count from 1; 0 is not known.
type Error struct {
	Line, Column int
	Reason       string
	bomb         bool // it would grow without bound in the hands of others
}

// Error is the reason, without the place.
func (e *Error) Error() string { return e.Reason }

// IsBomb reports whether an error is about a document that nothing else may decode.
func IsBomb(err error) bool {
	var bad *Error
	return errors.As(err, &bad) && bad.bomb
}

// IsYAML reports whether Flux reads a file of this name as a manifest.
func IsYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// Size bounds the nodes of a text from above, by the characters that one can't do without.
func Size(data []byte) (n int) {
	for _, c := range []string{"\n", ",", ":", "[", "{"} {
		n += bytes.Count(data, []byte(c))
	}
	return n
}

// Decode reads all documents of a file, and with an error those before it. Each is the node of its content;
// empty ones are left out. Anchors may be used again.
func Decode(data []byte) (docs []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Line: 1, Column: 1, Reason: fmt.Sprintf("is not YAML: %v", p)}
		}
	}()
	if Size(data) > maxSize {
		return nil, &Error{Reason: "is too large to be decoded", bomb: true}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			line, column, reason := yamlerror.Place(data, err)
			return docs, &Error{Line: line, Column: column, Reason: Redact("is not YAML: " + reason)}
		}
		if len(doc.Content) == 0 || doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].Tag == "!!null" {
			continue
		}
		if err := sound(doc.Content[0]); err != nil {
			return docs, err
		}
		docs = append(docs, doc.Content[0])
	}
}

// sound refuses what takes too much memory when its aliases are expanded, or too much time in kustomize, and keys that stand
// there twice.
func sound(root *yaml.Node) error {
	size := map[*yaml.Node]int{} // of anchors
	var visit func(n *yaml.Node, depth int) (int, error)
	visit = func(n *yaml.Node, depth int) (int, error) {
		if n.Kind == yaml.AliasNode {
			total, known := size[n.Alias]
			if !known { // it stands inside itself
				return 0, &Error{n.Line, n.Column, "is not YAML: an alias contains itself", true}
			}
			return total, nil
		}
		if depth > maxDepth {
			return 0, &Error{n.Line, n.Column, "is nested too deeply", true}
		}
		total, keys := 1+len(n.Value)/perNode, map[string]bool{}
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && c.Kind == yaml.ScalarNode && c.Tag != "!!merge" {
				if keys[c.Value] {
					return 0, &Error{c.Line, c.Column, fmt.Sprintf("has the key %.64q twice", c.Value), true} // so what follows is not looked at
				}
				keys[c.Value] = true
			}
			s, err := visit(c, depth+1)
			if err != nil {
				return 0, err
			}
			if total += s; total > maxNodes {
				return 0, &Error{n.Line, n.Column, "is too large when its aliases are expanded", true}
			}
		}
		if n.Anchor != "" {
			size[n] = total
		}
		return total, nil
	}
	_, err := visit(root, 0)
	return err
}

// quoted is what decoders, and kustomize, quote of manifests in their messages.
var quoted = regexp.MustCompile(`(?s)( with config)?:? ?\x60[^\x60]*\x60|\[patch: .*\]|(literal|env) sources? \[.*?\]: |\(?invalid literal source .*|decoding \S.*?: |node contents:.*|line \[[\d ]*\] has invalid .*|!!\w+ \x60[^\x60]*\x60| '[^']*' referenced|\{.*\}`)

// intoData is what a failed operation of a patch says of where it leads in a ConfigMap or Secret.
var intoData = regexp.MustCompile(`(?s)(testing value|path:|from:|key:)\s+["']?/(data|stringData)\b.*`)

// object is what kustomize says of one that it does not find.
var object = regexp.MustCompile(`resid\.ResId\{.*?Kind:"(\w*)".*?Name:"([^"]*)"[^}]*\}`)

// Redact takes out of a message what it quotes of a manifest, which may be secret, and makes it one line.
func Redact(msg string) string {
	msg = object.ReplaceAllString(msg, "$1 $2")
	msg = quoted.ReplaceAllStringFunc(msg, func(s string) string {
		if strings.HasPrefix(s, "invalid literal") {
			return "a literal is not key=value"
		}
		return "..."
	})
	msg = strings.ReplaceAll(msg, "......", "...")
	msg = intoData.ReplaceAllString(msg, "$1 /$2/...")
	return strings.Join(strings.Fields(msg), " ")
}
