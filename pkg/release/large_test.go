package release

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestNoMoreIsReadAfterTooMuch: of a hundred large objects the first two are read.
func TestNoMoreIsReadAfterTooMuch(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("#", maxSize*2/3)
	for name, tc := range map[string]struct {
		data map[string]string
		read int // in order; what is beyond is named as unread
	}{
		"values":                  {values(large), 2},
		"what else is in objects": {map[string]string{"values.yaml": "", "other": large}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster()
			hr := helmRelease(t, "")
			var want []string
			for i := range 100 {
				object := fmt.Sprintf("c%d", i)
				cm := configMap(object, tc.data)
				c.objects[objectID(cm, client.ObjectKeyFromObject(cm))] = cm
				hr.Spec.ValuesFrom = append(hr.Spec.ValuesFrom, from("ConfigMap", object))
				switch {
				case i == tc.read: // it stands for those that follow
					want = append(want, "ConfigMap "+object+"/values.yaml: not read, because there is too much besides it")
				case tc.data["values.yaml"] != "" && i > 0 && i < tc.read:
					want = append(want, "ConfigMap "+object+"/values.yaml: is too large")
				}
			}
			if diff := cmp.Diff(want, untold(resolve(t, hr, c).Evaluate(privatePolicy(t)))); diff != "" {
				t.Errorf("unresolved (-want +got)\n%s", diff)
			}
			if len(c.reads) != tc.read {
				t.Errorf("%d objects were read, want %d", len(c.reads), tc.read)
			}
		})
	}
}
