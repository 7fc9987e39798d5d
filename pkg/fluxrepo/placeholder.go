package fluxrepo

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

const harmlessMark = "unknown-variable-"

// harmless is what stands for a variable without a value, and for whatever is made of it: a host that no
// policy names, and that can be told in what comes out.
func harmless(name string) string { return harmlessMark + name + ".invalid" }

var harmlessName = regexp.MustCompile(harmlessMark + `(\w+)\.invalid`)

// namesIn lists the variables without a value that a text holds, each once.
func namesIn(text string) (names []string) {
	if !strings.Contains(text, harmlessMark) {
		return nil
	}
	for _, m := range harmlessName.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// named writes variables back, where a text is shown.
func named(text string) string { return harmlessName.ReplaceAllString(text, "$${$1}") }

// namedReference is named for all of a reference.
func namedReference(r release.Reference) release.Reference {
	for _, text := range []*string{&r.Kind, &r.Namespace, &r.Name, &r.Key, &r.Reason} {
		*text = named(*text)
	}
	return r
}

// put puts variables into an object; those without a value become harmless. used is called for these.
func (g *graph) put(o *object, used func(*scope, string)) ([]byte, error) {
	s := g.scopeOf(o)
	return s.put(o, func(name string) string {
		if used != nil {
			used(s, name)
		}
		return harmless(name)
	})
}

// Names that rules look for at the top of the values, and under spegel.
var (
	namesAtTop = []string{"spegel", "mirroredRegistries", "registries"}
	namesBelow = []string{"mirroredRegistries", "registries", "mirrorRegistries", "appendMirrors", "additionalMirrorRegistries"}
)

// variableKind is the kind of a reference to a variable without a value.
const variableKind = "Variable"

// unknownVariables lists the variables without a value in a text, for pkg/release.
func unknownVariables(text string) (refs []release.Reference) {
	for _, name := range namesIn(text) {
		refs = append(refs, release.Reference{Kind: variableKind, Name: name})
	}
	return refs
}
