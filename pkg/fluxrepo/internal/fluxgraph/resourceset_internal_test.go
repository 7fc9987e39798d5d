package fluxgraph

import (
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec string
		want string // a part of the objects, or of the error
	}{
		"an object for each input":    {"inputs: [{app: a}, {app: b}]\n  resources: [{kind: ConfigMap, metadata: {name: 'v-<< inputs.app >>'}}]", "name: v-b"},
		"functions":                   {"inputs: [{app: 'A b'}]\n  resources: [{kind: ConfigMap, metadata: {name: '<< inputs.app | slugify >>'}}]", "name: a-b"},
		"a template of text":          {"inputs: [{app: a}]\n  resourcesTemplate: |\n    kind: ConfigMap\n    metadata: {name: << inputs.app | quote >>}\n", "name: \"a\""},
		"an input that is not there":  {"inputs: [{app: a}]\n  resources: [{kind: '<< inputs.gone >>'}]", "gone"},
		"no environment":              {"inputs: [{app: a}]\n  resources: [{kind: '<< env \"HOME\" >>'}]", "not defined"},
		"inputs of a provider":        {"inputsFrom: [{name: x}]\n  resources: []", "come from a provider"},
		"a list without an end":       {"inputs: [{app: a}]\n  resources: [{kind: '<< range until 100000000 >>x<< end >>'}]", "too"},
		"a text that grows and grows": {"inputs: [{app: a}]\n  resources: [{kind: '<< repeat 100000000 \"x\" >>'}]", "too"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, err := render([]byte("apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: x}\nspec:\n  " + c.spec + "\n"))
			got := ""
			var gotSb27 strings.Builder
			for _, o := range objects {
				gotSb27.WriteString(string(o.Text))
			}
			got += gotSb27.String()
			if err != nil {
				got += err.Error()
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("want %q in\n%s", c.want, got)
			}
		})
	}
}
