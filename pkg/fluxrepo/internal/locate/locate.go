// Package locate finds the line that a person changes, by changing it.
//
// In comes an object as it was built and a path in it; out goes the place of the text that stands there. The texts that
// it could be are found in the files that the object is built from, each is replaced in memory by a marker of its own,
// and the repository is built again: the one whose marker stands at the path is it. Patches, components, generators,
// replacements, variables, templates and anchors need no code of their own.
//
// Trials are bounded: each counts what it builds again, every Kustomization of a chain, and all places of a check share
// 8 MiB of that. What is not found until then gets the nearest key that its document has, or the place of the object or of
// what makes it, and is marked approximate.
//
// The package must never judge anything, and takes from judge only what was judged.
// Of the project it may import judge and what that does.
package locate

import (
	"reflect"
	"regexp"
	"strings"

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
	// Approximate says that the exact place was not found, and that this is the nearest that was: in the HelmRelease's
	// own file, if there is none.
	Approximate bool
}

// Target is what is looked for: a node of a HelmRelease or DaemonSet, or of the values in a ConfigMap or Secret that it takes.
type Target struct {
	Release *fluxgraph.Object // or the DaemonSet
	Holder  *fluxgraph.Object // the release itself, or the ConfigMap or Secret
	Key     string            // of the holder's data; empty for the release itself
	Path    []any             // in the object, or in the values of the key; nil for the key as a whole
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
	most   int                       // work of the graph, after which nothing is tried
	trials map[*fluxgraph.Object]int // of a release
	files  map[string][]byte         // that were read
	values map[values]any            // that were decoded
}

// values are what a target's path leads into.
type values struct {
	holder *fluxgraph.Object
	key    string
	whole  bool
}

// New is a finder of a repository that was built.
func New(g *fluxgraph.Graph) *Finder {
	return &Finder{
		graph: g, most: g.Work() + maxWork, trials: map[*fluxgraph.Object]int{}, files: map[string][]byte{}, values: map[values]any{},
	}
}

// Find is the place of a node: of the text of a scalar, or of the key of anything else. Of what does not exist it is
// the nearest key above that does. ok is false where nothing was found.
func (f *Finder) Find(t Target) (p Place, ok bool) {
	if t.Holder.By == nil && t.Key == "" {
		// what nothing builds, and no template makes, is its document, and needs no trial
		if file, node := f.graph.Document(t.Holder); yamldoc.Text(node, "kind") == t.Holder.Kind {
			p := nearest(file, node, t.Path)
			p.Approximate = false
			return p, true
		}
	}
	holder := f.value(t)
	node, set := certainty.At(holder, t.Path)
	if text, isText := node.(string); set && isText && text != "" && !isKey(t.Path) {
		for _, find := range []*regexp.Regexp{regexp.MustCompile("(" + regexp.QuoteMeta(host(text)) + ")"), variable} { // it may be handed over, or put together
			if p, ok := f.trial(t, find, standing); ok {
				return p, true
			}
		}
	}
	for full := t.Path; len(t.Path) > 0; t.Path = t.Path[:len(t.Path)-1] {
		if node, exists := certainty.At(holder, t.Path); exists && isKey(t.Path) {
			p, ok = f.key(t, node)
			p.Approximate = set && len(t.Path) < len(full)
			return p, ok
		}
	}
	return Place{}, false
}

// key finds a key by giving it another name: what stood below it then stands below that.
func (f *Finder) key(t Target, value any) (p Place, ok bool) {
	name, _ := t.Path[len(t.Path)-1].(string)
	t.Path = t.Path[:len(t.Path)-1]
	return f.trial(t, keys(name), func(now any) (names []string) {
		above, _ := now.(map[string]any)
		for name, below := range above {
			if reflect.DeepEqual(below, value) {
				names = append(names, name)
			}
		}
		return names
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

// host is the part of an entry that it is looked for by: its scheme, and its port, may be written elsewhere.
func host(text string) string {
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
