package substitute

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
)

// Reason says why a variable is unknown: the object that it would come from, and what is wrong with it.
type Reason struct {
	Kind, Namespace, Name, Key string
	Text                       string
}

// Scope is the variables that Flux puts into what one Kustomization builds.
type Scope struct {
	parent  *Scope // of the Kustomization that builds this one
	given   *Given
	on      bool // Flux puts any in
	loose   bool // nothing builds the object, so nothing is known of its variables
	set     map[string]setting
	unknown map[string]Reason // named somewhere, but without a readable value
	open    []Reason          // may hold any name
}

type setting struct {
	text   string
	secret bool // out of a Secret
	given  bool // handed over for a ConfigMap or Secret
}

// Loose is for what no Kustomization builds.
func Loose(given *Given) *Scope { return &Scope{given: given, on: true, loose: true} }

// New is the scope of a Kustomization that another builds; parent is nil for none.
func New(parent *Scope, given *Given) *Scope {
	return &Scope{parent: parent, given: given, set: map[string]setting{}, unknown: map[string]Reason{}}
}

// From takes the variables out of a ConfigMap or Secret of substituteFrom. missing says why it can't be read; empty
// if it was.
func (s *Scope) From(ref Reason, data map[string]Datum, missing string) {
	s.on = true
	given, isGiven := s.given.source(ref.Kind, ref.Namespace, ref.Name)
	switch {
	case missing != "" && isGiven:
		s.given.stood(ref.Kind, ref.Namespace, ref.Name)
		s.take(given)
		return
	case missing != "":
		ref.Text = missing
		s.cover(ref)
		return
	}
	decrypted := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(data)) {
		d := data[k]
		names := Unknown(d.Text)
		if d.Unread == "" && len(names) == 0 {
			delete(s.unknown, k)
			s.set[k] = setting{text: strings.ReplaceAll(d.Text, "\n", ""), secret: ref.Kind == "Secret"}
			continue
		}
		if v, ok := given[k]; ok {
			decrypted[k] = v
			continue
		}
		ref := ref
		if ref.Key, ref.Text = k, d.Unread; len(names) > 0 {
			ref.Text = "made of ${" + names[0] + "}, which has no value"
		}
		delete(s.set, k)
		s.unknown[k] = ref
	}
	if len(decrypted) > 0 {
		s.given.stood(ref.Kind, ref.Namespace, ref.Name)
		s.take(decrypted)
	}
}

// take makes what was handed over for a ConfigMap or Secret win over what was read before it, and lose to what is
// read after it.
func (s *Scope) take(data map[string]string) {
	for name, value := range data {
		delete(s.unknown, name)
		s.set[name] = setting{text: value, given: true}
	}
}

// cover makes unknown what a source that can't be read may set anew.
func (s *Scope) cover(ref Reason) {
	s.open = append(s.open, ref)
	for name := range s.set {
		ref := ref
		ref.Key, ref.Text = name, "perhaps given another value there: "+ref.Text
		s.unknown[name] = ref
	}
	clear(s.set)
}

// Set is one variable of spec.postBuild.substitute.
func (s *Scope) Set(name, value string) {
	s.on = true
	delete(s.unknown, name)
	if made := Unknown(value); len(made) > 0 {
		delete(s.set, name)
		ref := s.Why(made[0])
		ref.Text = "made of another: " + ref.Text
		s.unknown[name] = ref
		return
	}
	s.set[name] = setting{text: strings.ReplaceAll(value, "\n", "")}
}

// Always puts variables in even where the Kustomization names none, as substituteStrategy: Always does.
func (s *Scope) Always() { s.on = true }

// value is the value of a variable, or false where it has none that is known.
func (s *Scope) value(name string) (string, bool) {
	if v, ok := s.set[name]; ok {
		s.given.Used[name] = s.given.Used[name] || v.given
		return v.text, true
	}
	v, ok := s.given.Vars[name]
	if ok {
		s.given.Used[name] = true
	}
	return v, ok
}

// isUnknown reports whether a variable may have a value that can't be read.
func (s *Scope) isUnknown(name string) bool {
	if _, ok := s.value(name); ok {
		return false
	}
	_, named := s.unknown[name]
	return named || s.loose || len(s.open) > 0
}

// Why says why a variable is unknown.
func (s *Scope) Why(name string) Reason {
	if name == Sealed {
		return Reason{Text: SealedReason}
	}
	if ref, ok := s.unknown[name]; ok {
		ref.Text = fmt.Sprintf("${%s} is %s", name, ref.Text)
		return ref
	}
	if len(s.open) > 0 && s.isUnknown(name) {
		ref := s.open[len(s.open)-1]
		ref.Key, ref.Text = name, NoValue(name)+": "+ref.Text
		return ref
	}
	if s.parent != nil {
		return s.parent.Why(name)
	}
	return Reason{Kind: "Variable", Name: name, Text: NoValue(name)}
}

// Secrets are the values that came out of a Secret, for this Kustomization and those that build it.
func (s *Scope) Secrets() (out []string) {
	for ; s != nil; s = s.parent {
		for _, v := range s.set {
			if v.secret {
				out = append(out, v.text)
			}
		}
	}
	return out
}

// maxText bounds a text in which variables were put, in bytes.
const maxText = 32 << 20

// Put puts the variables into an object. unset are those that nothing sets.
func (s *Scope) Put(o *overlay.Object) (text []byte, unset []string, err error) {
	if o.Verbatim || !s.on || !strings.Contains(string(o.Text), "${") {
		return o.Text, nil, nil
	}
	out, unset, err := s.Eval(string(o.Text))
	if err != nil && s.loose {
		return o.Text, nil, nil // Flux puts nothing in here
	}
	return []byte(out), unset, err
}

// Eval does what Flux does with a text.
func (s *Scope) Eval(text string) (out string, unset []string, err error) {
	text = each(text, func(name, expression string) string {
		if s.isUnknown(name) { // as a whole: a part of it, or its length, is not known either
			return placeholder(name)
		}
		if _, ok := s.value(name); !ok && !hasDefault(expression) && !slices.Contains(unset, name) {
			unset = append(unset, name)
		}
		return expression
	})
	size := 0
	out, err = envsubst.Eval(text, func(name string) (string, bool) {
		v, _ := s.value(name)
		if s.isUnknown(name) { // in the default of another
			v = placeholder(name)
		}
		if size += len(v); size > maxText {
			return "", false
		}
		return v, true
	})
	return out, unset, err
}

// Values are all values that are put in, for a search.
func (s *Scope) Values() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.set)) {
		b.WriteString(s.set[name].text + "\n")
	}
	return b.String()
}
