package resourceset_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/resourceset"
)

func TestRender(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec string
		want string // a part of the objects, or of the error
	}{
		"an object for each input":         {"inputs: [{app: a}, {app: b}]\n  resources: [{kind: ConfigMap, metadata: {name: 'v-<< inputs.app >>'}}]", "name: v-b"},
		"functions":                        {"inputs: [{app: 'A b'}]\n  resources: [{kind: ConfigMap, metadata: {name: '<< inputs.app | slugify >>'}}]", "name: a-b"},
		"a template of text":               {"inputs: [{app: a}]\n  resourcesTemplate: |\n    kind: ConfigMap\n    metadata: {name: << inputs.app | quote >>}\n", "name: \"a\""},
		"an input that is not there":       {"inputs: [{app: a}]\n  resources: [{kind: '<< inputs.gone >>'}]", "\"gone\"; not followed"},
		"the line of a failure":            {"inputs: [{app: a}]\n  resourcesTemplate: |\n    a: b\n    c: << inputs.gone >>\n", "a template fails: resourcesTemplate:2:6: executing \"resourcesTemplate\" at <inputs>: map has no entry for key \"gone\"; not followed"},
		"no environment":                   {"inputs: [{app: a}]\n  resources: [{kind: '<< env \"HOME\" >>'}]", "not defined; not followed"},
		"a method of a value":              {"resources: [{kind: '<< (toDate \"2006\" \"2024\").Year >>'}]", "can't evaluate field Year in type time.Time; not followed"},
		"inputs of a provider":             {"inputsFrom: [{name: x}]\n  resources: []", "come from a provider; not followed"},
		"the namespace of the set":         {"inputs: [{app: a}]\n  resources: [{kind: ConfigMap, metadata: {name: a}}]", "namespace: ns"},
		"steps":                            {"steps: [{name: a, resources: [{kind: ConfigMap, metadata: {name: first}}]}, {name: b, resourcesTemplate: '{kind: ConfigMap, metadata: {name: second}}'}]", "name: second"},
		"a template of its own":            {"inputs: [{app: a}]\n  resourcesTemplate: '<< define \"x\" >><< . >><< end >>{kind: ConfigMap, metadata: {name: << template \"x\" inputs.app >>}}'", "name: a"},
		"nothing, and a number":            {"inputs: [{a: null, b: 30000}]\n  resourcesTemplate: '{kind: ConfigMap, metadata: {name: \"<< inputs.a >>/<< inputs.b >><< printf \"%-3s|%03d\" \"x\" 7 >>\"}}'", "name: \"<no value>/30000x  |007\""},
		"a loop in a loop":                 {"inputs: [{l: [a, b]}]\n  resourcesTemplate: '{kind: ConfigMap, metadata: {name: \"<< range $x := inputs.l >><< range inputs.l >><< $x >><< . >><< end >><< end >>\"}}'", "name: \"aaabbabb\""},
		"another strategy":                 {"inputStrategy: {name: Permute}\n  resources: []", "\"Permute\"; not followed"},
		"a list without an end":            {"resources: [{kind: '<< range until 100000000 >>x<< end >>'}]", "does more than is followed; not followed"},
		"loops in loops":                   {"resources: [{kind: '<< $l := until 1000 >><< range $l >><< range $l >><< range $l >><< end >><< end >><< end >>'}]", "does more than is followed; not followed"},
		"a text that grows and grows":      {"resources: [{kind: '<< repeat 100000000 \"x\" >>'}]", "does more than is followed; not followed"},
		"a text that doubles":              {"resources: [{kind: '<< $x := \"a\" >><< range until 60 >><< $x = print $x $x >><< end >>'}]", "does more than is followed; not followed"},
		"a list that doubles":              {"resources: [{kind: '<< $x := list 1 >><< range until 60 >><< $x = concat $x $x >><< end >>'}]", "does more than is followed; not followed"},
		"a text put into a text":           {"resources: [{kind: '<< $x := repeat 2000000 \"a\" >><< replace \"\" $x $x >>'}]", "does more than is followed; not followed"},
		"a text that parts a list":         {"resources: [{kind: '<< $x := repeat 2000000 \"a\" >><< join $x (until 100000) >>'}]", "does more than is followed; not followed"},
		"a text by an expression":          {"resources: [{kind: '<< $x := repeat 2000000 \"a\" >><< regexReplaceAll \"a\" $x $x >>'}]", "\"regexReplaceAll\" not defined; not followed"},
		"texts that are the same":          {"resources: [{kind: '<< $l := list (repeat 2000000 \"a\") >><< range until 12 >><< $l = concat $l $l >><< end >><< join \"\" $l >>'}]", "does more than is followed; not followed"},
		"a map that is gone through":       {"resources: [{kind: '<< $x := split \"\" (repeat 1000 \"a\") >><< range until 3000 >><< range $x >><< break >><< end >><< end >>'}]", "does more than is followed; not followed"},
		"a text that is drawn apart":       {"resources: [{kind: '<< fromJson (print (repeat 9000 \"[\") (repeat 9000 \"]\")) | toPrettyJson >>'}]", "does more than is followed; not followed"},
		"a template of a million branches": {"resourcesTemplate: '" + strings.Repeat("<<if 1>>", 100000) + strings.Repeat("<<end>>", 100000) + "'", "does more than is followed; not followed"},
		"a list of a million objects":      {"resourcesTemplate: \"<< range until 1000 >><< range until 1000 >>-\\n<< end >><< end >>\"", "does more than is followed; not followed"},
		"a map in itself":                  {"resources: [{kind: '<< $d := dict >><< $_ := set $d \"x\" $d >><< $d >>'}]", "\"set\" not defined; not followed"},
		"a format that fills":              {"resources: [{kind: '<< printf (repeat 4000 \"%[1]999999d\") 1 >>'}]", "does more than is followed; not followed"},
		"a template without an end":        {"resourcesTemplate: '<< if'", "a template fails: resourcesTemplate:1: unclosed action; not followed"},
		"what is no YAML":                  {"resourcesTemplate: 'a: : b'", "is not YAML: mapping values are not allowed in this context; not followed"},
		"inputs that are no list":          {"inputs: {app: a}", "spec.inputs is a map; want a list; wrong"},
		"templates without an end":         {"resources: [{kind: '<< define \"x\" >><< template \"x\" >><< template \"x\" >><< end >><< template \"x\" >>'}]", "does more than is followed; not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, _, err := resourceset.New(t.Context()).Render([]byte("apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: x, namespace: ns}\nspec:\n  " + c.spec + "\n"))
			var got strings.Builder
			for _, o := range objects {
				if err := yaml.NewEncoder(&got).Encode(o); err != nil {
					t.Fatal(err)
				}
			}
			if bad, ok := errors.AsType[resourceset.Error](err); ok {
				fmt.Fprintf(&got, "%s; not followed", bad)
			} else if err != nil {
				got.WriteString(err.Error() + "; wrong")
			}
			if !strings.Contains(got.String(), c.want) {
				t.Errorf("want %q in\n%s", c.want, got.String())
			}
		})
	}
}

// TestWork: a turn counts as much as the template that it is one of, and the bound is one for all that a renderer renders.
func TestWork(t *testing.T) {
	t.Parallel()
	r := resourceset.New(t.Context())
	set := []byte("spec: {resourcesTemplate: '<< $x := 1 >><< range until 1000 >>" + strings.Repeat("<< $x = 1 >>", 1000) + "<< end >>'}\n")
	if _, _, err := r.Render(set); err != nil || r.Work < 1000*len(set)/4 {
		t.Errorf("error %v, and %d bytes of work; want a quarter of %d for each of 1000 turns", err, r.Work, len(set))
	}
	for range 20 {
		if _, _, err := r.Render(set); err != nil {
			return
		}
	}
	t.Error("no end; want one for all together")
}
