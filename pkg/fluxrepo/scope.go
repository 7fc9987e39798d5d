package fluxrepo

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// scope is the variables that Flux puts into what a Kustomization builds.
type scope struct {
	on      bool // Flux puts any in
	loose   bool // nothing builds the object, so a text that Flux could not read stays as it is
	set     map[string]setting
	sources []*object                    // that variables come from, or may
	unknown map[string]release.Reference // named somewhere, but without a readable value
	open    []release.Reference          // may hold any name
	vars    map[string]string            // handed over
	used    map[string]bool              // the handed over ones that were put in, in any scope
	only    map[string]release.Reference // of the parent's; put in even where on is false
}

// setting is the value of a variable and where it stands.
type setting struct {
	text   string
	object *object // a ConfigMap or Secret; nil for spec.postBuild.substitute, and for what was handed over
	key    string
	given  bool // handed over for a ConfigMap or Secret
}

// bounds of a text in which variables were put.
const maxText = 32 << 20

// scope reads the variables of a Kustomization once.
func (n *node) scope() *scope {
	if n.vars != nil {
		return n.vars
	}
	if n.scoping { // a ConfigMap with variables that stand in itself
		return &scope{}
	}
	n.scoping = true
	s := &scope{set: map[string]setting{}, unknown: map[string]release.Reference{}, vars: n.graph.opts.Vars, used: n.graph.used, only: n.left}
	if pb := n.object.Spec.PostBuild; pb != nil {
		for _, ref := range pb.SubstituteFrom {
			s.read(n, ref.Kind, ref.Name)
		}
		for k, v := range pb.Substitute {
			delete(s.unknown, k)
			if ref, ok := n.leftIn(v); ok {
				delete(s.set, k)
				s.unknown[k] = ref
				continue
			}
			s.set[k] = setting{text: strings.ReplaceAll(v, "\n", "")}
		}
		s.on = s.on || len(s.set) > 0 || len(s.unknown) > 0 || len(s.open) > 0 || pb.SubstituteStrategy == "Always"
	}
	n.vars, n.scoping = s, false
	return s
}

// scopeOf are the variables that are put into an object.
func (g *graph) scopeOf(o *object) *scope {
	if o.by != nil {
		return o.by.scope()
	}
	return g.loose
}

// leftIn tells of a variable of the parent's without a value that a text holds.
func (n *node) leftIn(text string) (release.Reference, bool) {
	for _, m := range plainVariable.FindAllStringSubmatch(text, -1) {
		if ref, ok := n.left[m[1]]; ok {
			ref.Reason = "made of another: " + ref.Reason
			return ref, true
		}
	}
	return release.Reference{}, false
}

// read takes the variables out of a ConfigMap or Secret.
func (s *scope) read(n *node, kind, name string) {
	ref := unnamed(release.Reference{Kind: kind, Namespace: n.ns, Name: name}, n.written)
	o, reason := n.graph.findIn(n, n.lies(), kind, n.ns, name, n.file)
	if n.graph.stray(n, o) {
		o, reason = nil, unbuilt
	}
	given, isGiven := n.graph.opts.source(kind, n.ns, name)
	var data map[string]datum
	if o != nil {
		s.sources = append(s.sources, o)
		var err error
		if data, err = n.graph.data(o, nil); err != nil {
			o, reason = nil, plain(err)
		}
	}
	switch {
	case o == nil && isGiven:
		n.graph.noteStood(kind, n.ns, name)
		s.take(given)
		return
	case o == nil:
		ref.Reason = reason
		s.cover(ref)
		return
	}
	decrypted := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(data)) {
		names := namesIn(data[k].text)
		if data[k].unread != "" || len(names) > 0 {
			if v, ok := given[k]; ok {
				decrypted[k] = v
				continue
			}
			ref := ref
			if ref.Key, ref.Reason = k, data[k].unread; len(names) > 0 {
				ref.Reason = "made of ${" + names[0] + "}, which has no value"
			}
			delete(s.set, k)
			s.unknown[k] = ref
			continue
		}
		delete(s.unknown, k)
		s.set[k] = setting{text: strings.ReplaceAll(data[k].text, "\n", ""), object: o, key: k}
	}
	if len(decrypted) > 0 {
		n.graph.noteStood(kind, n.ns, name)
		s.take(decrypted)
	}
}

// cover makes unknown what a source that can't be read may set anew.
func (s *scope) cover(ref release.Reference) {
	s.open = append(s.open, ref)
	for name := range s.set {
		ref := ref
		ref.Key, ref.Reason = name, "perhaps given another value there: "+ref.Reason
		s.unknown[name] = ref
	}
	clear(s.set)
}

// value is a variable's value, or false where it is not known.
func (s *scope) value(name string) (string, bool) {
	if v, ok := s.set[name]; ok {
		s.used[name] = s.used[name] || v.given
		return v.text, true
	}
	v, ok := s.vars[name]
	if ok {
		s.used[name] = true
	}
	return v, ok
}

// why says why a variable has no value.
func (s *scope) why(name string) release.Reference {
	if ref, ok := s.only[name]; ok {
		return ref
	}
	if ref, ok := s.unknown[name]; ok {
		ref.Reason = fmt.Sprintf("${%s} is %s", name, ref.Reason)
		return ref
	}
	if len(s.open) > 0 {
		ref := s.open[len(s.open)-1]
		ref.Key = name
		ref.Reason = fmt.Sprintf("${%s} has no value: %s", name, ref.Reason)
		return ref
	}
	return release.Reference{Kind: "Variable", Name: name, Reason: noValue(name)}
}

// put puts the variables into an object. A variable without a value is given one by unknown.
func (s *scope) put(o *object, unknown func(name string) string) ([]byte, error) {
	if !bytes.Contains(o.text, []byte("${")) || o.verbatim && len(s.only) == 0 {
		return o.text, nil
	}
	if !s.on || o.verbatim {
		return s.putOnly(o.text, unknown), nil
	}
	out, err := s.eval(string(o.text), unknown)
	if err != nil && s.loose {
		return o.text, nil
	}
	return []byte(out), err
}

// eval does what Flux does with a text.
func (s *scope) eval(text string, unknown func(name string) string) (string, error) {
	defaulted := s.defaults(text)
	known := func(name string) bool {
		_, ok := s.value(name)
		_, left := s.only[name]
		return !left && (ok || defaulted[name])
	}
	size := 0
	return envsubst.Eval(blank(text, known, unknown), func(name string) (string, bool) {
		v, _ := s.value(name)
		if !known(name) {
			v = unknown(name)
		}
		if size += len(v); size > maxText {
			return "", false
		}
		return v, true
	})
}

var withDefault = regexp.MustCompile(`\$\{(\w+):?[-=]`)

// defaults are the variables that are certain to have no value, but a default.
func (s *scope) defaults(text string) map[string]bool {
	if s.loose || len(s.open) > 0 {
		return nil
	}
	out := map[string]bool{}
	for _, m := range withDefault.FindAllStringSubmatch(text, -1) {
		if _, ok := s.unknown[m[1]]; !ok {
			out[m[1]] = true
		}
	}
	return out
}

var plainVariable = regexp.MustCompile(`\$\{(\w+)[^{}]*\}`)

// putOnly puts in what the parent left.
func (s *scope) putOnly(text []byte, unknown func(string) string) []byte {
	if len(s.only) == 0 {
		return text
	}
	return plainVariable.ReplaceAllFunc(text, func(m []byte) []byte {
		name := string(plainVariable.FindSubmatch(m)[1])
		if _, ok := s.only[name]; !ok {
			return m
		}
		return []byte(unknown(name))
	})
}

// leave puts in what has a value and leaves the rest as it is, for what comes next to deal with.
func (s *scope) leave(o *object) (text []byte, without map[string]release.Reference, err error) {
	without = map[string]release.Reference{}
	text, err = s.put(o, func(name string) string {
		without[name] = s.why(name)
		return left(name)
	})
	return text, without, err
}

// left is a variable that is left as it is.
func left(name string) string { return "${" + name + "}" }
