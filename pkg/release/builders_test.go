package release

import (
	"encoding/json"
	"fmt"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// helmRelease is a release of Spegel's chart with inline values in YAML; none if empty.
func helmRelease(t testing.TB, inline string, refs ...helmv2.ValuesReference) *helmv2.HelmRelease {
	t.Helper()
	hr := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "spegel"}}
	hr.Spec.Chart = &helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{
		Chart: "spegel", Version: "0.7.4", SourceRef: &helmv2.CrossNamespaceObjectReference{Kind: sourcev1.HelmRepositoryKind, Name: "charts"},
	}}
	hr.Spec.ValuesFrom = refs
	if inline != "" {
		raw, err := yaml.YAMLToJSON([]byte(inline))
		if err != nil {
			t.Fatalf("inline values: %v", err)
		}
		hr.Spec.Values = &apiextensionsv1.JSON{Raw: raw}
	}
	return hr
}

func fromYAML(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// resolve resolves a release of Spegel; without a reader nothing is read.
func resolve(t testing.TB, hr *helmv2.HelmRelease, r Reader) *Release {
	t.Helper()
	if r == nil {
		r = unread{}
	}
	rel := Resolve(t.Context(), hr, Options{Charts: []string{"spegel"}, Reader: r})
	if rel == nil {
		t.Fatal("Resolve: not Spegel's")
	}
	return rel
}

func privatePolicy(t testing.TB, hosts ...string) validate.Policy {
	t.Helper()
	var p validate.Policy
	for _, host := range hosts {
		registry, err := validate.ParseRegistry(host)
		if err != nil {
			t.Fatal(err)
		}
		p.PrivateRegistries = append(p.PrivateRegistries, registry)
	}
	return p
}

// inlineOf is what spec.values are.
func inlineOf(rel *Release) any { return rel.layers[len(rel.layers)-1].tree }

// told lists findings as rule at field.
func told(res Result) []string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, f.Rule+" at "+f.Field())
	}
	return out
}

// untold lists unresolved references as kind name/key: reason.
func untold(res Result) []string {
	var out []string
	for _, ref := range res.Unresolved {
		out = append(out, fmt.Sprintf("%s %s/%s: %s", ref.Kind, ref.Name, ref.Key, ref.Reason))
	}
	return out
}

// References, and what they say beside kind and name.

func refs(refs ...helmv2.ValuesReference) []helmv2.ValuesReference { return refs }

func from(kind, name string) helmv2.ValuesReference {
	return helmv2.ValuesReference{Kind: kind, Name: name}
}

func key(ref helmv2.ValuesReference, key string) helmv2.ValuesReference {
	ref.ValuesKey = key
	return ref
}

func target(ref helmv2.ValuesReference, path string) helmv2.ValuesReference {
	ref.TargetPath = path
	return ref
}

func literal(ref helmv2.ValuesReference, path string) helmv2.ValuesReference {
	ref.TargetPath, ref.Literal = path, true
	return ref
}

func optional(ref helmv2.ValuesReference) helmv2.ValuesReference {
	ref.Optional = true
	return ref
}
