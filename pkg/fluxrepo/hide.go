package fluxrepo

import "strings"

// fragment is how many characters of a secret, anywhere in a value, are enough to hide the value. A
// variable may be put in cut or in another case, as in ${NAME,,} or ${NAME:5}.
const fragment = 6

// concealed makes a function that returns a text, or nothing where it shows a part of what came out of a Secret or was handed over
// as a variable: these are what people keep out of sight.
func (g *graph) concealed(o *object) func(text string) string {
	var secrets []string
	add := func(s string) {
		_, rest, found := strings.Cut(s, "://")
		if !found {
			rest = s
		}
		if rest != "" {
			secrets = append(secrets, strings.ToLower(rest))
		}
	}
	for _, v := range g.opts.Vars {
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
