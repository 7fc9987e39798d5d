package release

import (
	"testing"

	"github.com/fluxcd/pkg/chartutil"
	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

func objectKey(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// plain is what helm-controller does: chartutil over the objects themselves.
func (s scenario) plain(t testing.TB) (map[string]any, error) {
	t.Helper()
	return chartutil.ChartValuesFromReferences(t.Context(), logr.Discard(), s.cluster, namespace, s.hr.GetValues(), s.hr.Spec.ValuesFrom...)
}

func TestEffectiveValuesAreThoseOfChartutil(t *testing.T) {
	t.Parallel()
	merged, failed := 0, 0
	for seed := range uint64(cases) {
		g := newGenerator(seed)
		s := g.scenario(t, 5)
		rel := resolve(t, s.hr, s.cluster)
		want, err := s.plain(t)
		if known := len(rel.unknown) == 0; known != (err == nil) {
			t.Fatalf("seed %d: all is known: %t, chartutil: %v\n%s", seed, known, err, s)
		}
		if err != nil {
			failed++
			continue
		}
		merged++
		got, _ := rel.input.Values.(map[string]any)
		if len(got) == 0 && len(want) == 0 {
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: (-chartutil +got)\n%s\n%s", seed, diff, s)
		}
	}
	t.Logf("%d merged, %d failed", merged, failed)
	if merged < cases/2 || failed < cases/10 {
		t.Errorf("%d merged, %d failed: the generator has lost its grip", merged, failed)
	}
}
