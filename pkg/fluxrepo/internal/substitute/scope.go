package substitute

import (
	"bytes"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/kustomize"
	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// Scope is the variables that Flux puts into what one Kustomization builds.
type Scope struct {
	parent *Scope // of the Kustomization that builds this one
	given  *Given
	on     bool // Flux puts any in
	loose  bool // nothing builds the object, so nothing is known of its variables
	vars   map[string]variable
	fresh  []string           // those that were set since a source could not be read
	open   *release.Reference // what can't be read, and may hold any name; the last of them
}

type variable struct {
	text   string
	from   release.Reference // with the reason why it is not known, if it is not
	handed bool              // over for a ConfigMap or Secret
}

// Loose is for what no Kustomization builds.
func Loose(given *Given) *Scope { return &Scope{given: given, on: true, loose: true} }

// New is the scope of a Kustomization that another builds; parent is nil for none.
func New(parent *Scope, given *Given) *Scope {
	return &Scope{parent: parent, given: given, vars: map[string]variable{}}
}

// From takes the variables out of a ConfigMap or Secret of substituteFrom. missing says why it can't be read; empty if it
// was. What was handed over stands for what can't be read.
func (s *Scope) From(ref release.Reference, data map[string]Datum, missing string) {
	s.on = true
	at, handed := s.given.standIn(ref)
	switch {
	case missing != "" && at < 0:
		s.cover(ref, missing)
		return
	case missing != "":
		s.given.Stood[at] = true
		data = map[string]Datum{}
		for name := range handed {
			data[name] = Datum{Unread: missing}
		}
	}
	for name, d := range data {
		v := variable{text: d.Text, from: ref}
		v.from.Key = name
		_, unknown, _ := Cut(d.Text)
		switch text, isHanded := handed[name]; {
		case d.Unread == "" && unknown == "":
		case isHanded:
			v.text, v.handed, s.given.Stood[at] = text, true, true
		case unknown != "":
			v.from.Reason = "${" + name + "} is made of ${" + unknown + "}, which has no value"
		default:
			v.from.Reason = "${" + name + "} is " + d.Unread
		}
		s.vars[name], s.fresh = v, append(s.fresh, name)
	}
}

// cover notes a ConfigMap or Secret that can't be read: it may set any variable, and set anew what was set before.
func (s *Scope) cover(ref release.Reference, missing string) {
	for _, name := range s.fresh {
		if v := s.vars[name]; v.from.Reason == "" {
			v.from = ref
			v.from.Key, v.from.Reason = name, "${"+name+"} is perhaps given another value there: "+missing
			s.vars[name] = v
		}
	}
	ref.Reason = missing
	s.open, s.fresh = &ref, nil
}

// Always puts variables in even where the Kustomization names none, as substituteStrategy: Always does.
func (s *Scope) Always() { s.on = true }

// value is the value of a variable, a placeholder if it is not known, and empty if nothing sets it.
func (s *Scope) value(name string) (text string, set bool) {
	v, named := s.vars[name]
	text, isGiven := s.given.Vars[name]
	switch {
	case named && v.from.Reason == "":
		s.given.Used[name] = s.given.Used[name] || v.handed
		return oneLine(v.text), true
	case isGiven:
		s.given.Used[name] = true
		return oneLine(text), true
	case named || s.loose || s.open != nil:
		return placeholder(name), true
	}
	return "", false
}

// Why says why a variable is unknown: the object that it would come from, for this Kustomization or one that builds it, and
// what is wrong with that.
func (s *Scope) Why(name string) release.Reference {
	for ; s != nil; s = s.parent {
		v, named := s.vars[name]
		if !named && s.open != nil {
			v.from = *s.open
			v.from.Key, v.from.Reason = name, NoValue(name)+": "+v.from.Reason
		}
		if v.from.Reason != "" {
			v.from.Variable = name
			return v.from
		}
	}
	return release.Reference{Kind: "Variable", Name: name, Reason: NoValue(name), Variable: name}
}

// EachSecret visits the variables that came out of a Secret, for this Kustomization.
func (s *Scope) EachSecret(visit func(name, value string)) {
	if s == nil {
		return
	}
	for name, v := range s.vars {
		if v.from.Kind == "Secret" && v.from.Reason == "" {
			visit(name, v.text)
		}
	}
}

// Values are all values that are put in, for a search.
func (s *Scope) Values() string {
	var b strings.Builder
	for _, v := range s.vars {
		b.WriteString(v.text + "\n")
	}
	return b.String()
}

// Put puts the variables into an object. unset are those that nothing sets.
func (s *Scope) Put(object []byte) (text []byte, unset []string, err error) {
	in := string(object)
	if !s.on || !strings.Contains(in, "${") && (s.loose || !strings.Contains(in, "$$")) || isDisabled(object) {
		return object, nil, nil
	}
	out, unset, err := s.Eval(in)
	if err != nil && s.loose {
		return object, nil, nil // Flux puts nothing in here
	}
	return []byte(out), unset, err
}

// isDisabled reports whether an object is marked so that Flux puts nothing in.
func isDisabled(object []byte) bool {
	const key = "kustomize.toolkit.fluxcd.io/substitute"
	if !bytes.Contains(object, []byte(key)) {
		return false
	}
	docs, _ := yamldoc.Decode(object) // it was read before
	return slices.ContainsFunc(docs, func(d *yaml.Node) bool {
		return yamldoc.Text(d, "metadata", "labels", key) == kustomize.DisabledValue ||
			yamldoc.Text(d, "metadata", "annotations", key) == kustomize.DisabledValue
	})
}
