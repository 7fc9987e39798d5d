package locate

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Bounds of the trials: texts for one release, occurrences of one, and what is built again for all places of a check, as
// Graph.Work counts it. They are no times, so that the same repository always gives the same places.
const (
	maxTrials      = 128
	maxOccurrences = 64
	maxWork        = 8 << 20
	perSearch      = 32 // bytes are searched while one is built
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
	// Index is that of the entry of spec.valuesFrom, and Key the key of the holder's data; for the release Key is empty.
	Index int
	Key   string
	Path  []any // in the object, or in the values of the key
}

// Finder looks in one repository.
type Finder struct {
	graph  *fluxgraph.Graph
	most   int                       // work of the graph, after which nothing is tried
	trials map[*fluxgraph.Object]int // of a release
	files  map[string][]byte         // that were read
	values map[valueKey]any          // that were decoded
}

// New is a finder of a repository that was built.
func New(g *fluxgraph.Graph) *Finder {
	return &Finder{
		graph: g, most: g.Work() + maxWork, files: map[string][]byte{}, values: map[valueKey]any{}, trials: map[*fluxgraph.Object]int{},
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
			if p, ok := f.trial(t, find, holds); ok {
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
	above := t
	above.Path = t.Path[:len(t.Path)-1]
	return f.trial(above, keys(name), func(now any) func(string) bool {
		m, _ := now.(map[string]any)
		return func(marker string) bool {
			moved, ok := m[marker]
			return ok && reflect.DeepEqual(moved, value)
		}
	})
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
