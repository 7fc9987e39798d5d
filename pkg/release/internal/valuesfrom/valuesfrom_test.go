package valuesfrom_test

import (
	"context"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/release/internal/valuesfrom"
)

// configMaps are the data of ConfigMaps by their names. It counts what is read.
type configMaps struct {
	data  map[string]map[string]string
	reads map[string]int
}

func (c configMaps) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	c.reads[key.Name]++
	data, found := c.data[key.Name]
	if !found {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	obj.(*corev1.ConfigMap).Data = data
	return nil
}

func TestEachEntryHasItsTextOrAReason(t *testing.T) {
	t.Parallel()
	const much = "not read, as there is too much beside it"
	c := configMaps{reads: map[string]int{}, data: map[string]map[string]string{
		"a": {"values.yaml": "x", "other": "y"}, "large": {"values.yaml": strings.Repeat("#", valuesfrom.MaxSize), "other": "z"},
	}}
	hr := &helmv2.HelmRelease{}
	var want []valuesfrom.Entry
	add := func(kind, name, key string, optional bool, e valuesfrom.Entry) {
		e.ValuesReference = helmv2.ValuesReference{Kind: kind, Name: name, ValuesKey: key, Optional: optional}
		hr.Spec.ValuesFrom = append(hr.Spec.ValuesFrom, e.ValuesReference)
		want = append(want, e)
	}
	add("ConfigMap", "a", "", false, valuesfrom.Entry{Text: "x", Found: true})
	add("ConfigMap", "a", "other", true, valuesfrom.Entry{Text: "y", Found: true})
	add("ConfigMap", "a", "gone", false, valuesfrom.Entry{Unread: "has no such key"})
	add("ConfigMap", "gone", "", true, valuesfrom.Entry{})
	add("ConfigMap", "gone", "", false, valuesfrom.Entry{Unread: "not found"})
	add("Thing", "a", "", true, valuesfrom.Entry{Unread: "a kind that Flux does not read values from"})
	add("ConfigMap", "large", "", false, valuesfrom.Entry{Text: c.data["large"]["values.yaml"], Unread: "is too large"})
	add("ConfigMap", "a", "", false, valuesfrom.Entry{Unread: much})
	if diff := cmp.Diff(want, valuesfrom.Read(t.Context(), c, hr, false)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"a": 1, "gone": 1, "large": 1}, c.reads); diff != "" {
		t.Errorf("each object is read once (-want +got)\n%s", diff)
	}
}
