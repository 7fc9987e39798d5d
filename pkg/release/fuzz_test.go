package release

import (
	"encoding/json"
	"reflect"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// FuzzResolve merges anything with anything. Nothing may panic, and the same input has the same answer.
func FuzzResolve(f *testing.F) {
	const good = `{"spegel": {"mirroredRegistries": ["https://docker.io"]}}`
	f.Add([]byte(good), "spegel.mirroredRegistries[1]", `a,spegel.registries={b,c}`, "spegel: {registries: []}", byte(0))
	f.Add([]byte(good), `a\.b[65536]`, `"x"`, "a: &a [*a]", byte(1))
	f.Add([]byte(`"x"`), "a[0][0].b", "null,a[1][0]={x", "- a", byte(2))
	f.Add([]byte(`{`), "=,", `'`, "<<: {a: b}", byte(3))
	f.Add([]byte(`{"a":{"b":[[]]}}`), "a.b[0][1]", "{}", "? {a: b}\n: c", byte(4))
	f.Add([]byte(`null`), "[", `\`, "\x00", byte(8))
	f.Add([]byte(`{"spegel":{"":{"":1}}}`), "spegel..a", "x,[-1]=y,[+1]=z,a[]=b", "spegel: {? [a] : b}", byte(16))
	f.Fuzz(func(t *testing.T, inline []byte, path, set, layer string, flags byte) {
		c := newCluster(configMap("layer", values(layer)), secret("set", values(set)))
		switch {
		case flags&1 != 0:
			c.fail["Secret kube-system/set"] = forbidden("set")
		case flags&2 != 0:
			c.fail["ConfigMap kube-system/layer"] = forbidden("layer")
		}
		refs := []helmv2.ValuesReference{from("ConfigMap", "layer"), {Kind: "Secret", Name: "set", TargetPath: path, Literal: flags&4 != 0}}
		if flags&8 != 0 {
			refs[0], refs[1] = refs[1], refs[0]
		}
		if flags&16 != 0 {
			refs = append(refs, target(from("ConfigMap", "layer"), path))
		}
		hr := helmRelease(t, "", refs...)
		hr.Spec.Values = &apiextensionsv1.JSON{Raw: inline}
		policy := privatePolicy(t, "harbor.example.com")
		first := resolve(t, hr, c)
		res := first.Evaluate(policy)
		second := resolve(t, hr, c)
		if again := second.Evaluate(policy); !reflect.DeepEqual(res, again) {
			t.Errorf("first %s\nthen %s", asJSON(res), asJSON(again))
		}
		list, _, known := first.Value("mirroredRegistries")
		again, _, knownAgain := second.Value("mirroredRegistries")
		if known != knownAgain || asJSON(list) != asJSON(again) {
			t.Errorf("the list was %v and is %v", list, again)
		}
		if !known && len(first.unknown) == 0 {
			t.Error("not known, and nothing is unread")
		}
		for _, f := range res.Findings {
			if f.Origin.Kind == "Secret" && f.Value != "" {
				t.Errorf("out of a Secret: %s", f.Value)
			}
			for _, r := range f.Field() + f.Text() + f.Fix {
				if r < ' ' || r == 0x7f {
					t.Errorf("%q in %q", r, f.Field()+f.Text())
				}
			}
		}
		sameAsFlux(t, hr, first, c)
	})
}

// sameAsFlux compares with helm-controller's own reading of the inline values, where YAML reads them as JSON does.
func sameAsFlux(t *testing.T, hr *helmv2.HelmRelease, rel *Release, c *cluster) {
	t.Helper()
	values := hr.GetValues()
	raw, err := json.Marshal(values)
	if _, isMap := inlineOf(rel).(map[string]any); err != nil || !isMap || string(raw) != asJSON(inlineOf(rel)) || len(rel.unknown) > 0 {
		return
	}
	want, err := scenario{hr: hr, cluster: c}.plain(t)
	if err != nil {
		t.Fatalf("chartutil: %v", err)
	}
	if asJSON(rel.input.Values) != asJSON(want) {
		t.Errorf("chartutil has %s\nand we have %s", asJSON(want), asJSON(rel.input.Values))
	}
}
