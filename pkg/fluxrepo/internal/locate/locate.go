// Package locate finds the line that a person changes, by changing it.
//
// In comes an object as it was built and a path in it; out goes the place of the text that stands there. Where that text
// stands in the files that the object is built from, the nearest first, it is replaced in memory by a marker, and the
// repository is built again: if the marker stands at the path then, this is the place. Patches, components, generators,
// replacements, variables, templates and anchors need no code of their own.
//
// Trials are bounded: each counts what it builds again, every Kustomization of a chain, and all places of a check share
// 8 MiB of that. What is not found until then gets the nearest place in the document of its release, and is marked
// approximate.
//
// The package must never judge anything, and takes from judge only what was judged.
// Of the project it may import judge and what that does.
package locate

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Place is where something stands. Line and Column count from 1, columns in characters; 0 is not known.
type Place struct {
	File         string // in the repository
	Line, Column int
	// Approximate says that the exact place was not found, and that this is the nearest that was.
	Approximate bool
}

// Target is what is looked for: a node of a HelmRelease or DaemonSet, or of the values in a ConfigMap or Secret that it takes.
type Target struct {
	Release *fluxgraph.Object // or the DaemonSet
	Holder  *fluxgraph.Object // the release itself, or the ConfigMap or Secret; nil for one that is not there
	Key     string            // of the holder's data; empty for the release itself
	Path    []any             // in the object, or in the values of the key; nil for its text
	Named   []any             // where the release names the holder; nil for the release itself
}

// read is what a target's path leads into: an object, or the values in a key of its data.
func (t Target) read(o *fluxgraph.Object) (v any) {
	text := o.Text
	if t.Key != "" {
		data, _ := substitute.Data(o.Kind, o.Text) // of what can't be read, nothing is found
		text = []byte(data[t.Key].Text)
		if t.Path == nil {
			return data[t.Key].Text
		}
	}
	_ = sigsyaml.Unmarshal(text, &v)
	return v
}

// Finder looks in one repository.
type Finder struct {
	graph  *fluxgraph.Graph
	limit  int               // of the graph's work, after which nothing is tried; what is searched and decoded lowers it
	files  map[string][]byte // that were read
	values map[values]any    // that were decoded
}

type values struct {
	holder *fluxgraph.Object
	key    string
	whole  bool
}

// New is a finder of a repository that was built.
func New(g *fluxgraph.Graph) *Finder {
	return &Finder{graph: g, limit: g.Work() + maxWork, files: map[string][]byte{}, values: map[values]any{}}
}

// Find is the place of a node: of the text of a scalar, or of the key of anything else. Of what does not exist it is the
// nearest key above that does.
func (f *Finder) Find(t Target) Place {
	file, node := f.graph.Document(t.Release)
	if t.Key == "" && t.Release.By == nil && yamldoc.Text(node, "kind") == t.Release.Kind {
		p := nearest(file, node, t.Path) // what nothing builds, and no template makes, is its document
		p.Approximate = false
		return p
	}
	if t.Holder != nil {
		if p, ok := f.try(t); ok {
			return p
		}
	}
	otherwise := t.Named
	if t.Key == "" {
		otherwise = t.Path[:f.depth(t)]
	}
	p := nearest(file, node, otherwise)
	p.Approximate = p.Approximate || len(otherwise) == len(t.Path) || t.Key != ""
	return p
}

// try looks for a text, or the variable that it may be handed over by, or else for the nearest key.
func (f *Finder) try(t Target) (Place, bool) {
	values := f.value(t)
	node, set := certainty.At(values, t.Path)
	if text, isText := node.(string); set && isText && text != "" && !isKey(t.Path) {
		for _, find := range []*regexp.Regexp{regexp.MustCompile("(" + regexp.QuoteMeta(host(text)) + ")"), variable} {
			if p, ok := f.trial(t, find, standing); ok {
				return p, true
			}
		}
	}
	depth := f.depth(t)
	for depth > 0 && !isKey(t.Path[:depth]) {
		depth--
	}
	if depth == 0 {
		return Place{}, false
	}
	p, ok := f.key(t, depth)
	p.Approximate = set && depth < len(t.Path)
	return p, ok
}

// standing reports whether the marker is a part of what stands at a target.
func standing(now any) bool { return strings.Contains(fmt.Sprint(now), marker) }

// key finds a key by giving it another name: what stood below it then stands below that.
func (f *Finder) key(t Target, depth int) (Place, bool) {
	value, _ := certainty.At(f.value(t), t.Path[:depth])
	name, _ := t.Path[depth-1].(string)
	t.Path = t.Path[:depth-1]
	return f.trial(t, keys(name), func(now any) bool {
		above, _ := now.(map[string]any)
		for name, below := range above {
			if strings.Contains(name, marker) && reflect.DeepEqual(below, value) {
				return true
			}
		}
		return false
	})
}

// value is what a target's path leads into in the repository as it is, read once.
func (f *Finder) value(t Target) any {
	of := values{t.Holder, t.Key, t.Path == nil}
	v, known := f.values[of]
	if !known {
		v = t.read(t.Holder)
		f.values[of] = v
	}
	return v
}

// depth is how many steps of a target's path exist.
func (f *Finder) depth(t Target) int {
	for n := len(t.Path); n > 0; n-- {
		if _, ok := certainty.At(f.value(t), t.Path[:n]); ok {
			return n
		}
	}
	return 0
}

func isKey(path []any) bool {
	if len(path) == 0 {
		return false
	}
	_, ok := path[len(path)-1].(string)
	return ok
}

// nearest is the place of the last key of a path that a document has, or of the document; without one, somewhere in the file.
func nearest(file string, doc *yaml.Node, path []any) Place {
	for n := len(path); n >= 0 && doc != nil; n-- {
		if key, value := yamldoc.Reach(doc, path[:n]); key != nil {
			if n > 0 && !isKey(path[:n]) { // an entry stands where its anchor is
				key = value
			}
			return Place{file, key.Line, key.Column, n < len(path)}
		}
	}
	return Place{File: file, Approximate: true}
}

// host is the part of an entry that it is looked for by: its scheme, and its port, may be written elsewhere, and so much of it is
// enough.
func host(text string) string {
	const enough = 253
	text = strings.ToValidUTF8(text[:min(len(text), enough)], "")
	_, rest, ok := strings.Cut(text, "://")
	if end := strings.IndexAny(rest, ":/"); end >= 0 {
		rest = rest[:end]
	}
	if !ok || len(rest) < 3 { // it stands everywhere
		return text
	}
	return rest
}

var variable = regexp.MustCompile(`(\$\{[^{}\n]*\})`)

// keys finds a text where it may be a key: before a colon, or as a step of a JSON pointer or a path of fields.
func keys(s string) *regexp.Regexp {
	s = "(" + regexp.QuoteMeta(s) + ")"
	return regexp.MustCompile(`(?:^|[^\w-])` + s + `["' ]{0,3}:|[/.]` + s + `(?:[^\w-]|$)`)
}
