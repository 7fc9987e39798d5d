// Package redact keeps out of sight what came out of a Secret, or was handed over as a variable.
//
// In comes what a repository builds, finished; out go texts that may be shown: a secret is replaced by its variable, as the
// files have it, and a part of one by "...". The name of a chart that the policy knows is no secret, and neither is a name
// that no variable made. The package must never build, judge or locate anything. Of the project it may import fluxgraph,
// what that does, and pkg/release.
package redact

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"index/suffixarray"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// fragment is how many characters of a secret, anywhere in a text, give it away. A variable may be put in cut or in another
// case, as in ${NAME,,} or ${NAME:5}.
const fragment = 6

// maxName is how long a secret may be, in bytes, that its variable stands for.
const maxName = 1 << 10

// hidden stands for what may not be shown.
const hidden = "..."

// Redactor knows what may not be shown of a repository.
type Redactor struct {
	names *strings.Replacer  // of secrets, in their place
	all   *suffixarray.Index // the secrets, in lower case
}

// New is for what a graph builds. public are texts that are no secret, even if a variable has them.
func New(g *fluxgraph.Graph, public []string) *Redactor {
	secrets := map[string]string{} // what stands for each
	add := func(text, instead string) {
		if _, rest, found := strings.Cut(text, "://"); found {
			text = rest
		}
		if text != "" && !slices.Contains(public, text) {
			secrets[text] = max(secrets[text], instead)
		}
	}
	variable := func(name, value string) { add(strings.ReplaceAll(value, "\n", ""), "${"+name+"}") }
	for _, s := range append([]substitute.Source{{Data: g.Given.Vars}}, g.Given.Sources...) {
		for name, value := range s.Data {
			variable(name, value)
		}
	}
	for _, n := range g.Instances {
		n.Scope.EachSecret(variable)
		if !slices.ContainsFunc(n.Folders, func(f *overlay.Folder) bool { return f.CopiesSecrets(g.Tree) }) {
			continue
		}
		for _, o := range n.Objects { // replacements may have put it anywhere
			data, _ := substitute.Data(o.Kind, o.Text) // of what can't be read nothing is shown
			for _, d := range data {
				if o.Kind == "Secret" && d.Unread == "" {
					add(d.Text, hidden)
					add(base64.StdEncoding.EncodeToString([]byte(d.Text)), hidden)
				}
			}
		}
	}
	texts := slices.SortedFunc(maps.Keys(secrets), func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	var pairs []string
	for _, text := range texts { // the longest first
		if len(text) <= maxName {
			pairs = append(pairs, text, secrets[text])
		}
	}
	return &Redactor{strings.NewReplacer(pairs...), suffixarray.New([]byte(lower(strings.Join(texts, "\x00"))))}
}

// lower is a text in lower case, as long as it was.
func lower(text string) string {
	if low := strings.ToLower(text); len(low) == len(text) {
		return low
	}
	return text
}

// name matches a variable at the begin of a text, which is no secret, even if it is called like what it holds.
var name = regexp.MustCompile(`^\$\{\w+\}`)

// Text is a text without secrets, and with variables that have no value as they are written.
func (r *Redactor) Text(text string) string {
	text = r.names.Replace(substitute.Written(text))
	low, out := lower(text), strings.Builder{}
	for i := 0; i < len(text); {
		shown, end := name.FindString(text[i:]), i
		for shown == "" && end+fragment <= len(low) && r.all.Lookup([]byte(low[end:end+fragment]), 1) != nil {
			end++
		}
		switch {
		case end > i:
			shown, i = hidden, end-1+fragment
		case shown == "":
			shown, i = text[i:i+1], i+1
		default:
			i += len(shown)
		}
		out.WriteString(shown)
	}
	return out.String()
}

// Value is a text, or nothing where it shows a part of a secret.
func (r *Redactor) Value(text string) string {
	if written := substitute.Written(text); r.Text(text) == written {
		return written
	}
	return ""
}

// Shown is what may be shown of some objects.
type Shown struct {
	*Redactor
	objects []*fluxgraph.Object
}

// Of is for some objects, and for the Kustomizations that lead to one.
func (r *Redactor) Of(by *fluxgraph.Instance, objects ...*fluxgraph.Object) Shown {
	for _, n := range by.Chain() {
		objects = append(objects, n.Of)
	}
	return Shown{r, objects}
}

// Name is a text as it is, unless a variable made it.
func (s Shown) Name(text string) string {
	for _, o := range s.objects {
		if bytes.Contains(cmp.Or(o.Written, &o.Object).Text, []byte(text)) {
			return substitute.Written(text)
		}
	}
	return s.Text(text)
}

// Reference is a reference without what is secret.
func (s Shown) Reference(ref release.Reference) release.Reference {
	ref.Namespace, ref.Name, ref.Key = s.Name(ref.Namespace), s.Name(ref.Name), s.Name(ref.Key)
	ref.Kind, ref.Reason = substitute.Written(ref.Kind), s.Text(ref.Reason)
	return ref
}

// Finding is a finding without what is secret. Its path has none: the rules name each key in it.
func (s Shown) Finding(f release.Finding) release.Finding {
	f.Value = s.Value(f.Value)
	f.Origin.Namespace, f.Origin.Name, f.Origin.Key = s.Name(f.Origin.Namespace), s.Name(f.Origin.Name), s.Name(f.Origin.Key)
	return f
}
