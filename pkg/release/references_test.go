package release

import (
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
)

func TestEachEntryHasItsTextOrAReason(t *testing.T) {
	t.Parallel()
	c := newCluster(
		configMap("a", map[string]string{"values.yaml": "x", "other": "y"}),
		configMap("large", map[string]string{"values.yaml": strings.Repeat("#", maxSize), "other": "z"}),
	)
	from := references{reader: c, objects: map[Reference]object{}, left: maxSize}
	for _, tc := range []struct {
		kind, name, key string
		optional        bool
		text, unread    string
	}{
		{"ConfigMap", "a", "values.yaml", false, "x", ""},
		{"ConfigMap", "a", "other", true, "y", ""},
		{"ConfigMap", "a", "gone", false, "", "has no such key"},
		{"ConfigMap", "gone", "values.yaml", true, "", ""},
		{"ConfigMap", "gone", "values.yaml", false, "", "not found"},
		{"Thing", "a", "values.yaml", true, "", "a kind that Flux does not read values from"},
		{"ConfigMap", "large", "values.yaml", false, "", "is too large"},
	} {
		ref := helmv2.ValuesReference{Optional: tc.optional}
		l := layer{origin: Origin{Kind: tc.kind, Namespace: namespace, Name: tc.name, Key: tc.key}, ref: ref}
		found, unread := from.read(t.Context(), &l)
		if found && l.text != tc.text || found != (tc.text != "") || unread != tc.unread {
			t.Errorf("%s %s/%s: found %t, %.9q, %q; want %q, %q", tc.kind, tc.name, tc.key, found, l.text, unread, tc.text, tc.unread)
		}
	}
	if diff := cmp.Diff(map[string]int{"ConfigMap " + namespace + "/a": 1, "ConfigMap " + namespace + "/gone": 1, "ConfigMap " + namespace + "/large": 1}, c.reads); diff != "" {
		t.Errorf("each object is read once (-want +got)\n%s", diff)
	}
}
