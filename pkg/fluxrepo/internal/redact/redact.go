// Package redact keeps out of sight what came out of a Secret, or was handed over as a variable.
//
// In comes what a repository builds, finished; out go texts that may be shown: a secret is replaced by its variable, as the
// files have it, and a part of one by "...". What every cluster has, and the name of a chart that the policy knows, is no
// secret. The package must never build, judge or locate anything. Of the project it may import fluxgraph, what that does,
// and pkg/release.
package redact

import (
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

const (
	fragment = 6       // characters of a secret, anywhere in a text, give it away: a variable may be put in cut, as in ${NAME:5}
	shortest = 3       // so many, if these are all
	longest  = 1 << 10 // that a variable stands for
)

// hidden stands for what may not be shown.
const hidden = "..."

// Redactor knows what may not be shown of a repository.
type Redactor struct {
	names  *strings.Replacer  // of secrets, in their place
	all    *suffixarray.Index // the secrets, in lower case
	public string
}

// New is for what a graph builds. charts are no secret, even if a variable has them.
func New(g *fluxgraph.Graph, charts []string) *Redactor {
	public := append(slices.Clone(charts), "kube-system", "flux-system")
	secrets := map[string]string{} // what stands for each
	add := func(text, instead string) {
		if _, rest, found := strings.Cut(text, "://"); found {
			text = rest
		}
		if len(text) >= shortest && !slices.Contains(public, text) {
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
		if len(text) <= longest {
			pairs = append(pairs, text, secrets[text])
		}
	}
	return &Redactor{strings.NewReplacer(pairs...), suffixarray.New([]byte(lower(strings.Join(texts, "\x00")))), strings.Join(public, " ")}
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
		for shown == "" && end+fragment <= len(low) && r.isPart(low[end:end+fragment]) {
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

// isPart reports whether a fragment is a part of a secret.
func (r *Redactor) isPart(of string) bool {
	return r.all.Lookup([]byte(of), 1) != nil && !strings.Contains(r.public, of)
}

// Value is a text, or nothing where it shows a part of a secret.
func (r *Redactor) Value(text string) string {
	if written := substitute.Written(text); r.Text(text) == written {
		return written
	}
	return ""
}

// Reference is a reference without what is secret.
func (r *Redactor) Reference(ref release.Reference) release.Reference {
	for _, text := range []*string{&ref.Kind, &ref.Namespace, &ref.Name, &ref.Key, &ref.Reason} {
		*text = r.Text(*text)
	}
	return ref
}

// Finding is a finding without what is secret. Its path has none: the rules name each key in it.
func (r *Redactor) Finding(f release.Finding) release.Finding {
	f.Value = r.Value(f.Value)
	f.Origin.Namespace, f.Origin.Name, f.Origin.Key = r.Text(f.Origin.Namespace), r.Text(f.Origin.Name), r.Text(f.Origin.Key)
	return f
}
