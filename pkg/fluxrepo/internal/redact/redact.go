// Package redact keeps out of sight what came out of a Secret, or was handed over as a variable.
//
// In come the values that are secret and the objects that they may stand in; out go texts that may be shown: names as
// their files have them, values not at all. The name of a chart that the policy knows is no secret. The package must never
// build, judge or locate anything. Of the project it may import fluxgraph, substitute, yamldoc and pkg/release.
package redact

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// fragment is how many characters of a secret, anywhere in a value, are enough to hide the value. A variable may be put
// in cut or in another case, as in ${NAME,,} or ${NAME:5}.
const fragment = 6

// Redactor knows what may not be shown of some objects.
type Redactor struct {
	secrets []string
	written map[string]string // texts as their files have them
}

// New is for objects, and for the Kustomizations that lead to one. given are the values that were handed over, public
// what is no secret even so.
func New(given, public []string, objects []*fluxgraph.Object, by *fluxgraph.Instance) *Redactor {
	r := &Redactor{written: map[string]string{}}
	objects = slices.Clone(objects)
	for _, n := range by.Chain() {
		objects = append(objects, n.Of)
	}
	objects = slices.DeleteFunc(objects, func(o *fluxgraph.Object) bool { return o.By == nil })
	for _, o := range objects {
		given = slices.Concat(given, o.By.Scope.Secrets())
	}
	for _, text := range given {
		if _, rest, found := strings.Cut(text, "://"); found {
			text = rest
		}
		if text != "" && !slices.Contains(public, text) {
			r.secrets = append(r.secrets, strings.ToLower(text))
		}
	}
	for _, o := range objects {
		r.learn(o)
	}
	return r
}

// learn notes how the texts of an object are written that would show a secret.
func (r *Redactor) learn(o *fluxgraph.Object) {
	docs, err := yamldoc.Decode(o.Written.Text)
	if err != nil || o.Written.Verbatim {
		return
	}
	for _, d := range docs {
		yamldoc.EachScalar(d, func(n *yaml.Node) {
			if !strings.Contains(n.Value, "${") || len(n.Value) > 4096 {
				return
			}
			if put, _, err := o.By.Scope.Eval(n.Value); err == nil && put != "" && (r.Value(put) == "" || len(substitute.Unknown(put)) > 0) {
				r.written[put] = n.Value
			}
		})
	}
}

// Value is a text, or nothing where it shows a part of a secret.
func (r *Redactor) Value(text string) string {
	low := strings.ToLower(text)
	for _, s := range r.secrets {
		for i := 0; i == 0 || i+fragment <= len(s); i++ {
			if strings.Contains(low, s[i:min(i+fragment, len(s))]) {
				return ""
			}
		}
	}
	return substitute.Written(text)
}

// Name is a text as its file has it where it would show a secret, or what stands for an unknown variable.
func (r *Redactor) Name(text string) string {
	if w, ok := r.written[text]; ok {
		return w
	}
	return substitute.Written(text)
}

// Message is a text with the names in it as their files have them.
func (r *Redactor) Message(text string) string {
	for _, put := range slices.SortedFunc(maps.Keys(r.written), func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) }) {
		text = strings.ReplaceAll(text, put, r.written[put])
	}
	return substitute.Written(text)
}

// Reference is a reference with the names in it as their files have them.
func (r *Redactor) Reference(ref release.Reference) release.Reference {
	ref.Namespace, ref.Name, ref.Key = r.Name(ref.Namespace), r.Name(ref.Name), r.Name(ref.Key)
	ref.Kind, ref.Reason = substitute.Written(ref.Kind), substitute.Written(ref.Reason)
	return ref
}

// Finding is a finding without the value that would show a secret, and with names as their files have them.
func (r *Redactor) Finding(f release.Finding) release.Finding {
	f.Value = r.Value(f.Value)
	f.Origin.Namespace, f.Origin.Name, f.Origin.Key = r.Name(f.Origin.Namespace), r.Name(f.Origin.Name), r.Name(f.Origin.Key)
	f.Path = slices.Clone(f.Path)
	for i, step := range f.Path {
		if key, ok := step.(string); ok && r.Value(key) == "" {
			f.Path[i] = r.Name(key)
		}
	}
	return f
}
