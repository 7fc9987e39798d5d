package fluxrepo

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
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// fragment is how many characters of a secret, anywhere in a value, are enough to hide the value. A variable may be put
// in cut or in another case, as in ${NAME,,} or ${NAME:5}.
const fragment = 6

// redactor keeps out of sight what came out of a Secret, or was handed over as a variable. The name of a chart that the
// policy knows is no secret.
type redactor struct {
	secrets []string
	written map[string]string // texts as their files have them
}

func (c *check) redactor(read []*fluxgraph.Object, of *fluxgraph.Instance) *redactor {
	r := &redactor{written: map[string]string{}}
	add := func(text string) {
		if _, rest, found := strings.Cut(text, "://"); found {
			text = rest
		}
		if text != "" && !slices.Contains(c.Charts, text) {
			r.secrets = append(r.secrets, strings.ToLower(text))
		}
	}
	for _, v := range c.Vars {
		add(v)
	}
	for _, source := range c.Sources {
		for _, v := range source.Data {
			add(v)
		}
	}
	read = slices.Clone(read)
	for _, n := range of.Chain() {
		if n.Of != nil {
			read = append(read, n.Of)
		}
	}
	for _, o := range read {
		if o.By == nil {
			continue
		}
		for _, v := range o.By.Scope.Secrets() {
			add(v)
		}
	}
	for _, o := range read {
		r.learn(o)
	}
	return r
}

// learn notes how the texts of an object are written that would show a secret.
func (r *redactor) learn(o *fluxgraph.Object) {
	docs, err := yamldoc.Decode(o.Written.Text)
	if err != nil || o.By == nil || o.Written.Verbatim {
		return
	}
	for _, d := range docs {
		yamldoc.EachScalar(d, func(n *yaml.Node) {
			if !strings.Contains(n.Value, "${") || len(n.Value) > 4096 {
				return
			}
			if put, _, err := o.By.Scope.Eval(n.Value); err == nil && put != "" && (r.conceal(put) == "" || len(substitute.Unknown(put)) > 0) {
				r.written[put] = n.Value
			}
		})
	}
}

// conceal returns a text, or nothing where it shows a part of a secret.
func (r *redactor) conceal(text string) string {
	low := strings.ToLower(text)
	for _, s := range r.secrets {
		for i := 0; i == 0 || i+fragment <= len(s); i++ {
			if strings.Contains(low, s[i:min(i+fragment, len(s))]) {
				return ""
			}
		}
	}
	return text
}

// name is a text as its file has it where it would show a secret, or what stands for an unknown variable.
func (r *redactor) name(text string) string {
	if w, ok := r.written[text]; ok {
		return w
	}
	return substitute.Written(text)
}

// text is a message with the names in it as their files have them.
func (r *redactor) text(message string) string {
	for _, put := range slices.SortedFunc(maps.Keys(r.written), func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) }) {
		message = strings.ReplaceAll(message, put, r.written[put])
	}
	return message
}

// nameOf is a name of a Kustomization.
func (r *redactor) nameOf(n *fluxgraph.Instance, text string) string {
	if n.Parent == nil || r.conceal(text) != "" {
		return substitute.Written(text)
	}
	return r.name(text)
}

func (r *redactor) reference(ref release.Reference) release.Reference {
	ref.Namespace, ref.Name, ref.Key = r.name(ref.Namespace), r.name(ref.Name), r.name(ref.Key)
	ref.Kind, ref.Reason = substitute.Written(ref.Kind), substitute.Written(ref.Reason)
	return ref
}

// finding does the same for where the value of a finding comes from.
func (r *redactor) finding(f release.Finding) release.Finding {
	f.Origin.Namespace, f.Origin.Name, f.Origin.Key = r.name(f.Origin.Namespace), r.name(f.Origin.Name), r.name(f.Origin.Key)
	f.Path = append(validate.Path(nil), f.Path...)
	for i, step := range f.Path {
		if key, ok := step.(string); ok {
			if w, secret := r.written[key]; secret && r.conceal(key) == "" {
				f.Path[i] = w
			}
		}
	}
	return f
}
