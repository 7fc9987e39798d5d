package substitute_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// A source is one of substituteFrom: a ConfigMap or Secret in YAML, or why it can't be read.
type source struct{ kind, name, object, missing string }

// own sets the variables of spec.postBuild.substitute.
func own(s *substitute.Scope, vars map[string]string) {
	data := map[string]substitute.Datum{}
	for name, value := range vars {
		data[name] = substitute.Datum{Text: value}
	}
	s.From(release.Reference{Kind: "Kustomization", Name: "child"}, data, "")
}

func TestPut(t *testing.T) {
	t.Parallel()
	const settings = "data: {HOST: harbor.example.com, MADE: 'x-unknown-variable-UP.invalid'}"
	const sealed = "stringData: {HOST: 'ENC[AES256_GCM,data:a=,type:str]'}"
	for name, c := range map[string]struct {
		from    []source
		set     map[string]string
		given   map[string]string
		sources []substitute.Source
		always  bool
		text    string
		want    string // with ${NAME} for what is unknown
		unset   string
		why     string // of the first unknown one
	}{
		"nothing is put in without a variable":        {text: "a: ${HOST}", want: "a: ${HOST}"},
		"unless it is always done":                    {always: true, text: "a: ${HOST:=x}", want: "a: x"},
		"nor where a label says so":                   {set: map[string]string{"HOST": "x"}, text: "metadata: {labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\na: ${HOST}", want: "metadata: {labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\na: ${HOST}"},
		"nor where an annotation does":                {set: map[string]string{"HOST": "x"}, text: "metadata: {annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\na: ${HOST}", want: "metadata: {annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\na: ${HOST}"},
		"but where one says otherwise":                {set: map[string]string{"HOST": "x"}, text: "metadata: {labels: {kustomize.toolkit.fluxcd.io/substitute: enabled}}\na: ${HOST}", want: "metadata: {labels: {kustomize.toolkit.fluxcd.io/substitute: enabled}}\na: x"},
		"its own variables":                           {set: map[string]string{"HOST": "x\ny"}, text: "a: ${HOST}", want: "a: xy"},
		"its own win over those of a source":          {from: []source{{"ConfigMap", "s", settings, ""}}, set: map[string]string{"HOST": "mine"}, text: "${HOST}", want: "mine"},
		"one that nothing sets is empty":              {set: map[string]string{"A": "a"}, text: "a: x${HOST}", want: "a: x", unset: "HOST"},
		"unless it has a default":                     {set: map[string]string{"A": "a"}, text: "${B:-b} ${C:=${A}}", want: "b a"},
		"one of a source that is missing is unknown":  {from: []source{{"Secret", "s", "", "not here"}}, text: "${HOST:-x}", want: "${HOST}", why: "Secret s HOST: ${HOST} has no value: not here"},
		"one of a later source may be set anew":       {from: []source{{"ConfigMap", "s", settings, ""}, {"Secret", "t", "", "not here"}}, text: "${HOST}", want: "${HOST}", why: "Secret t HOST: ${HOST} is perhaps given another value there: not here"},
		"nor is it set anew by what is missing twice": {from: []source{{"ConfigMap", "s", settings, ""}, {"Secret", "t", "", "not here"}, {"Secret", "u", "", "not here"}, {"ConfigMap", "v", "data: {A: a}", ""}}, text: "${HOST} ${A}", want: "${HOST} a", why: "Secret t HOST: ${HOST} is perhaps given another value there: not here"},
		"one of an earlier source is not":             {from: []source{{"Secret", "t", "", "not here"}, {"ConfigMap", "s", settings, ""}}, text: "${HOST}", want: "harbor.example.com"},
		"an encrypted one is unknown":                 {from: []source{{"Secret", "s", sealed, ""}}, text: "https://${HOST}", want: "https://${HOST}", why: "Secret s HOST: ${HOST} is encrypted with SOPS"},
		"one that is made of another":                 {from: []source{{"ConfigMap", "s", settings, ""}}, text: "${MADE}", want: "${MADE}", why: "ConfigMap s MADE: ${MADE} is made of ${UP}, which has no value"},
		"a part, a length, capitals are unknown, too": {from: []source{{"Secret", "s", sealed, ""}}, text: "${HOST:2} ${#HOST} ${HOST^^}", want: "${HOST} ${HOST} ${HOST}", why: "Secret s HOST: ${HOST} is encrypted with SOPS"},
		"as is one in the default of another":         {from: []source{{"Secret", "s", sealed, ""}}, text: "${A:-${B:=${HOST^^}}} ${HOST:-${A}}", want: "${HOST} ${HOST}", unset: "A", why: "Secret s HOST: ${HOST} is encrypted with SOPS"},
		"and one before a dollar sign":                {from: []source{{"Secret", "s", sealed, ""}}, text: "${HOST:-$} $", want: "${HOST} $", why: "Secret s HOST: ${HOST} is encrypted with SOPS"},
		"a value is handed over":                      {from: []source{{"Secret", "s", sealed, ""}}, given: map[string]string{"HOST": "x"}, text: "${HOST}", want: "x"},
		"what is in the clear wins over it":           {from: []source{{"ConfigMap", "s", settings, ""}}, given: map[string]string{"HOST": "x"}, text: "${HOST}", want: "harbor.example.com"},
		"a source is handed over":                     {from: []source{{"Secret", "s", "", "not here"}}, sources: []substitute.Source{{Kind: "Secret", Name: "s", Data: map[string]string{"HOST": "x"}}}, text: "${HOST}", want: "x"},
		"an escaped one stays":                        {set: map[string]string{"HOST": "x"}, text: "$${HOST} $$${HOST}", want: "${HOST} $x"},
		"so does the dollar sign of nothing":          {set: map[string]string{"HOST": "x"}, text: "a$$b $c", want: "a$b $c"},
		"a replacement that makes too much is one":    {set: map[string]string{"HOST": strings.Repeat("x", 1<<20)}, text: "${HOST//x/" + strings.Repeat("y", 64) + "}", want: "error"},
		"so are replacements in one another":          {set: map[string]string{"HOST": strings.Repeat("x", 1<<10)}, text: "${HOST//x/${HOST//x/${HOST//x/${HOST}}}}", want: "error"},
		"one that does not is none":                   {set: map[string]string{"HOST": "x.y"}, text: "${HOST%%.*} ${HOST//./-}", want: "x x-y"},
		"an expression without an end is an error":    {set: map[string]string{"HOST": "x"}, text: "${HOST", want: "error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := substitute.New(nil, substitute.NewGiven(c.given, c.sources))
			for _, from := range c.from {
				data, err := substitute.Data(from.kind, []byte(from.object))
				if err != nil {
					t.Fatal(err)
				}
				s.From(release.Reference{Kind: from.kind, Name: from.name}, data, from.missing)
			}
			if c.set != nil {
				own(s, c.set)
			}
			if c.always {
				s.Always()
			}
			out, unset, err := s.Put([]byte(c.text))
			got, why := substitute.Written(string(out)), ""
			if err != nil {
				got = "error"
			}
			if names := substitute.Unknown(string(out)); len(names) > 0 {
				r := s.Why(names[0])
				why = r.Kind + " " + r.Name + " " + r.Key + ": " + r.Reason
			}
			if diff := cmp.Diff([]string{c.want, c.unset, c.why}, []string{got, strings.Join(unset, " "), why}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestEvalIsEnvsubst: where all variables are known, a text is what Flux makes of it.
func TestEvalIsEnvsubst(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"A": "ab", "B": "x/y", "C": ""}
	s := substitute.New(nil, substitute.NewGiven(nil, nil))
	own(s, vars)
	rng := rand.New(rand.NewPCG(3, 3)) // the same on every run
	parts := strings.Split("${ ${ ${A ${B ${C} ${#A } } } } $ $$ : :- = ? + # ## % %% / // ^^ , a b x 1 - * \\ \\/ {", " ")
	read := 0
	for range 200000 {
		var b strings.Builder
		for range 1 + rng.IntN(10) {
			b.WriteString(parts[rng.IntN(len(parts))])
		}
		want, wrong := envsubst.Eval(b.String(), func(name string) (string, bool) { return vars[name], true })
		got, _, err := s.Eval(b.String())
		if (err != nil) != (wrong != nil) || err == nil && got != want {
			t.Fatalf("%q: %q, %v; want %q, %v", b.String(), got, err, want, wrong)
		}
		if err == nil {
			read++
		}
	}
	if read < 20000 {
		t.Errorf("%d texts could be read; want more, or nothing was tried", read)
	}
}

// What a parent leaves unknown in the text of its child is unknown for the parent's reason, unless a variable is made of it.
func TestWhyOfAParent(t *testing.T) {
	t.Parallel()
	given := substitute.NewGiven(nil, nil)
	parent := substitute.New(nil, given)
	parent.From(release.Reference{Kind: "Secret", Name: "gone"}, nil, "not here")
	text, _, err := parent.Eval("https://${D}")
	if err != nil {
		t.Fatal(err)
	}
	child := substitute.New(parent, given)
	own(child, map[string]string{"ONE": text})
	out, _, err := child.Eval("${ONE} " + text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range substitute.Unknown(out) {
		why := child.Why(name)
		got = append(got, why.Name+": "+why.Reason)
	}
	if diff := cmp.Diff([]string{"child: ${ONE} is made of ${D}, which has no value", "gone: ${D} has no value: not here"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Nothing is known of the variables of what nothing builds, and a text that Flux could not read stays as it is.
func TestLoose(t *testing.T) {
	t.Parallel()
	s := substitute.Loose(substitute.NewGiven(map[string]string{"A": "a"}, nil))
	for text, want := range map[string]string{"${A} ${B}": "a ${B}", "${A": "${A"} {
		out, unset, err := s.Put([]byte(text))
		if got := substitute.Written(string(out)); got != want || err != nil || unset != nil {
			t.Errorf("%q: %q, unset %v, %v; want %q", text, got, unset, err, want)
		}
	}
}

// Data that no cluster takes says which value is wrong.
func TestDataOfAnotherType(t *testing.T) {
	t.Parallel()
	_, err := substitute.Data("ConfigMap", []byte("data: {PORT: 5}"))
	if err == nil || err.Error() != "data.PORT is a number; want a text" {
		t.Errorf("got %v", err)
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	out := substitute.Seal([]byte("a: ENC[AES256_GCM,data:a=,type:str]\n"))
	if names := substitute.Unknown(string(out)); len(names) != 1 || names[0] != substitute.Sealed {
		t.Errorf("%s: %v", out, names)
	}
}
