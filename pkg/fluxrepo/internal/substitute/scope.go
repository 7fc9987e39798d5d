package substitute

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/fluxcd/pkg/envsubst"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// Scope is the variables that Flux puts into what one Kustomization builds.
type Scope struct {
	parent *Scope // of the Kustomization that builds this one
	given  *Given
	on     bool // Flux puts any in
	loose  bool // nothing builds the object, so nothing is known of its variables
	vars   map[string]variable
	open   *release.Reference // what can't be read, and may hold any name; the last of them
}

type variable struct {
	text   string
	secret bool               // out of a Secret
	handed bool               // over for a ConfigMap or Secret
	why    *release.Reference // it is named, but without a readable value
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
	handed, stand := s.given.source(ref)
	switch {
	case missing != "" && !stand(): // it may set anew whatever was set before
		ref.Reason = missing
		s.open = &ref
		for k, v := range s.vars {
			why := ref
			if why.Key, why.Reason = k, "perhaps given another value there: "+missing; v.why == nil {
				s.vars[k] = variable{why: &why}
			}
		}
		return
	case missing != "":
		data = map[string]Datum{}
		for k := range handed {
			data[k] = Datum{Unread: missing}
		}
	}
	for k, d := range data {
		why := ref
		if why.Key, why.Reason = k, d.Unread; len(Unknown(d.Text)) > 0 {
			why.Reason = "made of ${" + Unknown(d.Text)[0] + "}, which has no value"
		}
		text, isHanded := handed[k]
		switch {
		case why.Reason == "":
			s.vars[k] = variable{text: d.Text, secret: ref.Kind == "Secret"}
		case isHanded && stand():
			s.vars[k] = variable{text: text, handed: true}
		default:
			s.vars[k] = variable{why: &why}
		}
	}
}

// Set is one variable of spec.postBuild.substitute.
func (s *Scope) Set(name, value string) {
	s.on = true
	delete(s.vars, name) // what it is made of may have the same name
	v := variable{text: value}
	if made := Unknown(value); len(made) > 0 {
		why := s.Why(made[0])
		why.Reason = "made of another: " + why.Reason
		v = variable{why: &why}
	}
	s.vars[name] = v
}

// Always puts variables in even where the Kustomization names none, as substituteStrategy: Always does.
func (s *Scope) Always() { s.on = true }

// value is the value of a variable, a placeholder if it is not known, and empty if nothing sets it.
func (s *Scope) value(name string) (text string, set bool) {
	v, named := s.vars[name]
	text, isGiven := s.given.Vars[name]
	switch {
	case named && v.why == nil:
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

// Why says why a variable is unknown: the object that it would come from, and what is wrong with it.
func (s *Scope) Why(name string) (why release.Reference) {
	switch v, named := s.vars[name]; {
	case name == Sealed:
		why.Reason = SealedReason
	case v.why != nil:
		why = *v.why
		why.Reason = fmt.Sprintf("${%s} is %s", name, why.Reason)
	case s.open != nil && !named:
		why = *s.open
		why.Key, why.Reason = name, NoValue(name)+": "+why.Reason
	case s.parent != nil:
		return s.parent.Why(name)
	default:
		why = release.Reference{Kind: "Variable", Name: name, Reason: NoValue(name)}
	}
	why.Variable = name
	return why
}

// Secrets are the values that came out of a Secret, for this Kustomization and those that build it.
func (s *Scope) Secrets() (out []string) {
	for ; s != nil; s = s.parent {
		for _, v := range s.vars {
			if v.secret {
				out = append(out, oneLine(v.text))
			}
		}
	}
	return out
}

// Put puts the variables into an object. unset are those that nothing sets.
func (s *Scope) Put(o *overlay.Object) (text []byte, unset []string, err error) {
	if o.Verbatim || !s.on || !strings.Contains(string(o.Text), "${") {
		return o.Text, nil, nil
	}
	out, unset, err := s.Eval(string(o.Text))
	if err != nil && s.loose {
		return o.Text, nil, nil // Flux puts nothing in here
	}
	if err != nil {
		err = &ExpressionError{s.wrong(string(o.Text)), err}
	}
	return []byte(out), unset, err
}

// ExpressionError is an expression over a variable that can't be read.
type ExpressionError struct {
	Begin string // how it begins, with the variable: ${NAME; empty if it is not known
	Err   error
}

// Error names the variable.
func (e *ExpressionError) Error() string {
	return strings.TrimPrefix(e.Begin+": "+e.Err.Error(), ": ")
}

// Unwrap returns the reason.
func (e *ExpressionError) Unwrap() error { return e.Err }

// wrong is how the first expression begins that can't be read.
func (s *Scope) wrong(text string) string {
	for line := range strings.Lines(text) {
		if _, _, err := s.Eval(line); err == nil || len(line) > 4096 {
			continue
		}
		for i := strings.LastIndex(line, "${"); i >= 0; i = strings.LastIndex(line[:i], "${") {
			if _, _, err := s.Eval(line[i:]); err != nil {
				return begin.FindString(line[i:])
			}
		}
	}
	return ""
}

var begin = regexp.MustCompile(`^\$\{#?\w*`)

// maxText bounds a text in which variables were put, in bytes.
const maxText = 32 << 20

// expression matches an escaped dollar sign, and an expression over a variable with those in it, five deep: what is deeper
// stands for itself.
var expression = sync.OnceValue(func() *regexp.Regexp {
	inner := `[^$}\n]|\$[^{}\n]`
	for range 5 {
		inner = `[^$}\n]|\$[^{}\n]|\$\{(?:` + inner + `)*\$?\}`
	}
	return regexp.MustCompile(`\$\$|\$\{#?\w(?:` + inner + `)*\$?\}`)
})

// opening is how one begins: with the name, and an operator that says what stands for a variable without a value.
var opening = regexp.MustCompile(`^\$\{#?(\w+)(:?[-=+?])?`)

// replacing matches what may replace each character of a variable.
var replacing = regexp.MustCompile(`\$\{(\w+)/[^}]*`)

var errTooLarge = fmt.Errorf("more than %d MiB come of them", maxText>>20)

// Eval does what Flux does with a text.
func (s *Scope) Eval(text string) (out string, unset []string, err error) {
	text = s.conceal(text, &unset)
	size := 0
	for _, m := range replacing.FindAllStringSubmatch(text, -1) {
		v, _ := s.value(m[1])
		if size += len(v) * len(m[0]); size > maxText {
			return "", nil, errTooLarge
		}
	}
	out, err = envsubst.Eval(text, func(name string) (string, bool) {
		v, _ := s.value(name)
		size += len(v)
		return v, size <= maxText
	})
	if size > maxText {
		err = errTooLarge
	}
	return out, unset, err
}

// conceal puts placeholders in the place of expressions over unknown variables, as a whole: a part of one, or its length, is
// not known either. It notes those that nothing sets.
func (s *Scope) conceal(text string, unset *[]string) string {
	return expression().ReplaceAllStringFunc(text, func(e string) string {
		m := opening.FindStringSubmatch(e)
		if m == nil {
			return e
		}
		value, set := s.value(m[1])
		if len(Unknown(value)) > 0 {
			return value
		}
		if !set && m[2] == "" && !slices.Contains(*unset, m[1]) {
			*unset = append(*unset, m[1])
		}
		return m[0] + s.conceal(e[len(m[0]):], unset) // what stands for it may be unknown
	})
}

// Values are all values that are put in, for a search.
func (s *Scope) Values() string {
	var b strings.Builder
	for _, v := range s.vars {
		b.WriteString(v.text + "\n")
	}
	return b.String()
}
