package release

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestNoMoreIsReadAfterTooMuch: of a hundred large objects a few are read, and which are told as unread does not depend on
// the speed of the reads.
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
		check := func(t *testing.T) {
			t.Helper()
			c := newCluster()
			hr := helmRelease(t, "")
			var want []string
			for i := range maxReferences {
				object := fmt.Sprintf("c%d", i)
				cm := configMap(object, tc.data)
				c.objects[objectID(cm, client.ObjectKeyFromObject(cm))] = cm
				hr.Spec.ValuesFrom = append(hr.Spec.ValuesFrom, from("ConfigMap", object))
				switch {
				case i >= tc.read:
					want = append(want, "ConfigMap "+object+"/values.yaml: not read, as there is too much beside it")
				case tc.data["values.yaml"] != "" && i > 0:
					want = append(want, "ConfigMap "+object+"/values.yaml: is too large")
				}
			}
			var reads atomic.Int32
			c.before = func() { // the reads end in another order each time
				time.Sleep(time.Duration(reads.Add(1)*7%5) * time.Millisecond)
			}
			for range 5 {
				before := reads.Load()
				if diff := cmp.Diff(want, untold(resolve(t, hr, c).Evaluate(privatePolicy(t)))); diff != "" {
					t.Errorf("unresolved (-want +got)\n%s", diff)
				}
				if n := int(reads.Load() - before); n >= tc.read+maxAtOnce {
					t.Errorf("%d objects were read, want fewer than %d", n, tc.read+maxAtOnce)
				}
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, check)
		})
	}
}

// TestFewObjectsAreReadAtTheSameTime: a review with many references holds no more of them.
func TestFewObjectsAreReadAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, fewObjectsAreReadAtTheSameTime) // where sleep ends when all who can read do
}

func fewObjectsAreReadAtTheSameTime(t *testing.T) {
	c := newCluster()
	hr := helmRelease(t, "")
	for i := range 30 {
		hr.Spec.ValuesFrom = append(hr.Spec.ValuesFrom, optional(from("ConfigMap", fmt.Sprintf("c%d", i))))
	}
	var mu sync.Mutex
	now, most := 0, 0
	c.before = func() {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
	}
	resolve(t, hr, c)
	if most < 2 || most > 4 {
		t.Errorf("%d at the same time, want 2 to 4", most)
	}
}
