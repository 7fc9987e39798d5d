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
	from := references{reader: c, namespace: namespace, objects: map[objectName]object{}, left: maxSize}
	for i, tc := range []struct {
		kind, name, key string
		optional        bool
		text, unread    string
	}{
		{"ConfigMap", "a", "", false, "x", ""},
		{"ConfigMap", "a", "other", true, "y", ""},
		{"ConfigMap", "a", "gone", false, "", "has no such key"},
		{"ConfigMap", "gone", "", true, "", ""},
		{"ConfigMap", "gone", "", false, "", "not found"},
		{"Thing", "a", "", true, "", "a kind that Flux does not read values from"},
		{"ConfigMap", "large", "", false, "", "is too large"},
		{"ConfigMap", "a", "", false, "", "not read, because there is too much besides it"},
	} {
		l := layer{origin: Origin{Index: i}, ref: helmv2.ValuesReference{Kind: tc.kind, Name: tc.name, ValuesKey: tc.key, Optional: tc.optional}}
		unread := from.read(t.Context(), &l)
		if text := l.text; l.found && text != tc.text || l.found != (tc.text != "") || unread != tc.unread {
			t.Errorf("%s %s/%s: found %t, %.9q, %q; want %q, %q", tc.kind, tc.name, tc.key, l.found, text, unread, tc.text, tc.unread)
		}
	}
	if diff := cmp.Diff(map[string]int{"ConfigMap " + namespace + "/a": 1, "ConfigMap " + namespace + "/gone": 1, "ConfigMap " + namespace + "/large": 1}, c.reads); diff != "" {
		t.Errorf("each object is read once (-want +got)\n%s", diff)
	}
}
