package fluxrepo

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// fragment is how many characters of a secret, anywhere in a value, are enough to hide the value. A
// variable may be put in cut or in another case, as in ${NAME,,} or ${NAME:5}.
const fragment = 6

// concealed makes a function that returns a text, or nothing where it shows a part of what came out of a Secret or was handed over
// as a variable: these are what people keep out of sight. The name of a chart that the policy knows is not.
func (g *graph) concealed(o *object) func(text string) string {
	var secrets []string
	add := func(s string) {
		_, rest, found := strings.Cut(s, "://")
		if !found {
			rest = s
		}
		if rest != "" && !slices.Contains(g.opts.Charts, s) {
			secrets = append(secrets, strings.ToLower(rest))
		}
	}
	for _, v := range g.opts.handedOver() {
		add(v)
	}
	for n := o.by; n != nil; n = n.parent {
		for _, set := range n.scope().set {
			if set.object != nil && set.object.kind == "Secret" {
				add(set.text)
			}
		}
	}
	return func(text string) string {
		low := strings.ToLower(text)
		for _, s := range secrets {
			for i := 0; i == 0 || i+fragment <= len(s); i++ {
				if strings.Contains(low, s[i:min(i+fragment, len(s))]) {
					return ""
				}
			}
		}
		return text
	}
}

// asWritten makes a function that returns a text of an object as its file has it, with ${NAME}, where it
// would show what has to be hidden, or what stands for a variable without a value. Other texts it returns
// as they are, but for such variables.
func (g *graph) asWritten(o *object) func(text string) string {
	show, written := g.concealed(o), map[string]string{}
	if docs, err := decodeDocuments(o.text); err == nil && o.by != nil && !o.verbatim {
		scope := o.by.scope()
		for _, d := range docs {
			eachScalar(d, func(n *yaml.Node) {
				if !strings.Contains(n.Value, "${") || len(n.Value) > maxWritten {
					return
				}
				for _, unknown := range []func(string) string{harmless, left} {
					if put, err := scope.eval(n.Value, unknown); err == nil && (show(put) == "" || strings.Contains(put, harmlessMark)) {
						written[put] = n.Value
					}
				}
			})
		}
	}
	return func(text string) string {
		if w, ok := written[text]; ok {
			return w
		}
		return named(text)
	}
}

// maxWritten is as long as the names and paths may be, in bytes, that are shown as they are written.
const maxWritten = 4096

// unnamed shows a reference's names as they are written.
func unnamed(ref release.Reference, written func(string) string) release.Reference {
	ref.Namespace, ref.Name, ref.Key = written(ref.Namespace), written(ref.Name), written(ref.Key)
	return ref
}

// unnamedFinding does the same for where a finding's value comes from.
func unnamedFinding(f release.Finding, written func(string) string) release.Finding {
	f.Origin.Namespace, f.Origin.Name, f.Origin.Key = written(f.Origin.Namespace), written(f.Origin.Name), written(f.Origin.Key)
	f.Path = append(validate.Path(nil), f.Path...)
	for i, step := range f.Path {
		if key, ok := step.(string); ok && !slices.Contains(namesAtTop, key) && !slices.Contains(namesBelow, key) {
			f.Path[i] = written(key)
		}
	}
	return f
}
