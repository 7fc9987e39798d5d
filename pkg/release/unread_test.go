package release

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestUnreadReferenceSaysWhy(t *testing.T) {
	t.Parallel()
	const dead = "spegel: {registries: [https://docker.io]}"
	things := schema.GroupResource{Resource: "secrets"}
	tests := map[string]struct {
		ref    helmv2.ValuesReference
		err    error
		partly bool // the error is about other keys than those that are there
		create bool
		want   string // empty: read, or taken for empty
	}{
		"it is missing":                               {ref: from("Secret", "gone"), want: "not found"},
		"it is missing on creation":                   {ref: from("Secret", "gone"), create: true, want: "not found"},
		"it is optional and missing":                  {ref: optional(from("Secret", "gone"))},
		"it is optional and missing on creation":      {ref: optional(from("Secret", "gone")), create: true, want: "not found"},
		"it has no such key":                          {ref: key(from("Secret", "a"), "k"), want: "has no such key"},
		"it is optional without the key":              {ref: optional(key(from("Secret", "a"), "k"))},
		"it is optional without the key, on creation": {ref: optional(key(from("Secret", "a"), "k")), create: true, want: "has no such key"},
		"it may not be read":                          {ref: from("Secret", "a"), err: forbidden("a"), want: "not permitted to read"},
		"it is optional and may not be read":          {ref: optional(from("Secret", "a")), err: forbidden("a"), want: "not permitted to read"},
		"time ran out":                                {ref: from("Secret", "a"), err: fmt.Errorf("get: %w", context.DeadlineExceeded), want: "not read in time"},
		"the API server ran out of time":              {ref: from("Secret", "a"), err: apierrors.NewTimeoutError("x", 1), want: "not read in time"},
		"the API server's own reads did":              {ref: from("Secret", "a"), err: apierrors.NewServerTimeout(things, "get", 1), want: "not read in time"},
		"the reader knows why":                        {ref: from("Secret", "a"), err: fmt.Errorf("x: %w", &Unreadable{Reason: "encrypted with SOPS"}), want: "encrypted with SOPS"},
		"the reader knows why of this key":            {ref: key(from("Secret", "a"), "k"), err: &Unreadable{Reason: "encrypted with SOPS"}, partly: true, want: "encrypted with SOPS"},
		"the reader knows why of another key":         {ref: from("Secret", "a"), err: &Unreadable{Reason: "encrypted with SOPS"}, partly: true},
		"another error, which is not told":            {ref: from("Secret", "a"), err: errors.New("dial tcp: canary"), want: "could not be read"},
		"it is not YAML":                              {ref: key(from("Secret", "a"), "no.yaml"), want: "is not YAML"},
		"it is a list":                                {ref: key(from("Secret", "a"), "list.yaml"), want: "is not YAML"},
		"it is a string":                              {ref: key(from("Secret", "a"), "set"), want: "is not YAML"},
		"it is optional and not YAML":                 {ref: optional(key(from("Secret", "a"), "no.yaml")), want: "is not YAML"},
		"a kind that Flux does not know":              {ref: from("Thing", "a"), want: "a kind that Flux does not read values from"},
		"an optional kind that Flux does not know":    {ref: optional(from("Thing", "a")), want: "a kind that Flux does not read values from"},
		"its targetPath leads through a string":       {ref: target(key(from("Secret", "a"), "set"), "spegel.mirroredRegistries.y"), want: "can't be merged at its targetPath"},
		"its targetPath is no path":                   {ref: target(key(from("Secret", "a"), "set"), "spegel.mirroredRegistries[a]"), want: "can't be merged at its targetPath"},
		"its targetPath makes a list too long":        {ref: target(key(from("Secret", "a"), "set"), "spegel.mirroredRegistries[65535][65535][65535]"), want: "is too large"},
		"its value makes lists too long":              {ref: target(key(from("Secret", "a"), "lists"), "spegel.mirroredRegistries"), want: "is too large"},
		"its value nests lists too deeply":            {ref: target(key(from("Secret", "a"), "nested"), "spegel.mirroredRegistries"), want: "is too large"},
		"and literally it does not":                   {ref: literal(key(from("Secret", "a"), "nested"), "y")},
		"it has too many entries":                     {ref: key(from("Secret", "a"), "entries"), want: "is too large"},
		"it has too many entries, literally":          {ref: helmv2.ValuesReference{Kind: "Secret", Name: "a", ValuesKey: "entries", Literal: true}, want: "is too large"},
		"it is too large":                             {ref: key(from("Secret", "a"), "large"), want: "is too large"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(secret("a", map[string]string{
				"values.yaml": "", "no.yaml": "a: b: c", "list.yaml": "- a", "set": "v", "lists": "v" + strings.Repeat(",y[65000]=x", 3),
				"nested": "v,z" + strings.Repeat("[0]", maxSize/nodeSize) + "=x", "entries": "x: [" + strings.Repeat("1,", maxSize/nodeSize) + "]", "large": "large: " + strings.Repeat("x", maxSize),
			}))
			if tc.partly {
				c.partly = map[string]error{"Secret kube-system/a": tc.err}
			} else {
				c.fail["Secret kube-system/a"] = tc.err
			}
			inline := dead
			if strings.HasSuffix(tc.ref.TargetPath, ".y") {
				inline = "spegel: {mirroredRegistries: s}"
			}
			hr := helmRelease(t, inline, tc.ref)
			res := Resolve(t.Context(), hr, Options{Charts: []string{"spegel"}, Reader: c, Create: tc.create}).Evaluate(privatePolicy(t))
			var want []string
			if tc.want != "" {
				want = []string{fmt.Sprintf("%s %s/%s: %s", tc.ref.Kind, tc.ref.Name, tc.ref.GetValuesKey(), tc.want)}
			}
			if diff := cmp.Diff(want, untold(res)); diff != "" {
				t.Errorf("unresolved (-want +got)\n%s", diff)
			}
		})
	}
}

func TestWithoutReaderNothingIsRead(t *testing.T) {
	t.Parallel()
	hr := helmRelease(t, "", from("ConfigMap", "a"))
	chartRef(hr, "OCIRepository", "", "spegel")
	res := resolve(t, hr, nil).Evaluate(privatePolicy(t))
	if diff := cmp.Diff([]string{"ConfigMap a/values.yaml: not read"}, untold(res)); diff != "" {
		t.Errorf("unresolved (-want +got)\n%s", diff)
	}
}

func TestReadsEndWithTheReview(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	c := newCluster(configMap("a", values("")), ociRepository(namespace, "oci", "oci://example.com/podinfo", nil))
	hr := helmRelease(t, "", from("ConfigMap", "a"))
	chartRef(hr, "OCIRepository", "", "oci")
	res := Resolve(ctx, hr, Options{Charts: []string{"spegel"}, Reader: c}).Evaluate(privatePolicy(t))
	if diff := cmp.Diff([]string{"ConfigMap a/values.yaml: not read in time"}, untold(res)); diff != "" {
		t.Errorf("unresolved (-want +got)\n%s", diff)
	}
}

func TestLimitsAreForAllReferencesTogether(t *testing.T) {
	t.Parallel()
	half, lists := strings.Repeat("x", maxSize/2), strings.Repeat(",a[500]=x", 25)
	c := newCluster(configMap("half", values(half)), configMap("set", values("x"+lists)), configMap("more", values("x"+lists)))
	refs := []helmv2.ValuesReference{
		literal(from("ConfigMap", "half"), "a"), literal(from("ConfigMap", "half"), "b"), target(from("ConfigMap", "set"), "spegel.registries"),
		target(from("ConfigMap", "more"), "d"), target(from("ConfigMap", "more"), "spegel.registries"),
	}
	for name, tc := range map[string]struct {
		refs []helmv2.ValuesReference
		want []string
	}{
		"data":  {refs[:3], []string{"ConfigMap set/values.yaml: is too large"}},
		"lists": {refs[2:], []string{"ConfigMap more/values.yaml: is too large"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, untold(resolve(t, helmRelease(t, "", tc.refs...), c).Evaluate(privatePolicy(t)))); diff != "" {
				t.Errorf("unresolved (-want +got)\n%s", diff)
			}
		})
	}
}

func TestEveryReferenceThatCannotBeMergedIsNamed(t *testing.T) {
	t.Parallel()
	c := newCluster(configMap("bad", values("a: b: c")), configMap("good", values("spegel: {registries: [x]}")))
	bad, good := from("ConfigMap", "bad"), from("ConfigMap", "good")
	res := resolve(t, helmRelease(t, "", bad, bad, good, target(good, "[")), c).Evaluate(privatePolicy(t))
	want := []string{"ConfigMap bad/values.yaml: is not YAML"} // once
	if diff := cmp.Diff(want, untold(res)); diff != "" {
		t.Errorf("unresolved (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"legacy-registries-key at valuesFrom ConfigMap kube-system/good key values.yaml: spegel.registries"}, told(res)); diff != "" {
		t.Errorf("findings (-want +got)\n%s", diff)
	}
}
