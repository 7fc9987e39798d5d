package release

import (
	"maps"
	"slices"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/google/go-cmp/cmp"
)

func TestOnlyWhatTheReviewNeedsIsRead(t *testing.T) {
	t.Parallel()
	refs := []helmv2.ValuesReference{
		from("ConfigMap", "a"), key(from("ConfigMap", "a"), "other"), from("Secret", "a"), optional(from("ConfigMap", "gone")),
		target(from("Secret", "a"), "x"),
	}
	eachOnce := map[string]int{"ConfigMap kube-system/a": 1, "Secret kube-system/a": 1, "ConfigMap kube-system/gone": 1}
	with := func(reads map[string]int, id string) map[string]int {
		out := map[string]int{id: 1}
		maps.Copy(out, reads)
		return out
	}
	tests := map[string]struct {
		change func(*helmv2.HelmRelease)
		want   map[string]int
	}{
		"nothing for inline values":           {func(hr *helmv2.HelmRelease) { hr.Spec.ValuesFrom = nil }, map[string]int{}},
		"nothing for another chart":           {func(hr *helmv2.HelmRelease) { hr.Spec.Chart.Spec.Chart = "podinfo" }, map[string]int{}},
		"each object once, and no chart":      {func(*helmv2.HelmRelease) {}, eachOnce},
		"the source, and each object once":    {func(hr *helmv2.HelmRelease) { chartRef(hr, "OCIRepository", "", "spegel") }, with(eachOnce, "OCIRepository kube-system/spegel")},
		"the source alone, of another's":      {func(hr *helmv2.HelmRelease) { chartRef(hr, "OCIRepository", "", "podinfo"); hr.Name = "app" }, map[string]int{"OCIRepository kube-system/podinfo": 1}},
		"nor more where a name says it is":    {func(hr *helmv2.HelmRelease) { chartRef(hr, "OCIRepository", "", "podinfo") }, map[string]int{"OCIRepository kube-system/podinfo": 1}},
		"both, where the source is missing":   {func(hr *helmv2.HelmRelease) { chartRef(hr, "HelmChart", "", "gone"); hr.Name = "app" }, with(eachOnce, "HelmChart kube-system/gone")},
		"no source of a kind that says less":  {func(hr *helmv2.HelmRelease) { chartRef(hr, "ExternalArtifact", "", "x") }, eachOnce},
		"no source of a kind that is unknown": {func(hr *helmv2.HelmRelease) { chartRef(hr, "Bucket", "", "x") }, eachOnce},
		"no source of TrueCharts":             {func(hr *helmv2.HelmRelease) { chartRef(hr, "HelmChart", "", "truecharts-spegel") }, map[string]int{}},
		"no object of a kind that is unknown": {func(hr *helmv2.HelmRelease) { hr.Spec.ValuesFrom = []helmv2.ValuesReference{from("Thing", "a")} }, map[string]int{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(
				configMap("a", map[string]string{"values.yaml": "", "other": ""}), secret("a", values("")),
				ociRepository(namespace, "spegel", upstream, nil), ociRepository(namespace, "podinfo", "oci://ghcr.io/x/podinfo", nil),
			)
			hr := helmRelease(t, "", refs...)
			tc.change(hr)
			if rel := Resolve(t.Context(), hr, Options{Charts: []string{"spegel"}, Reader: c}); rel != nil {
				rel.Evaluate(privatePolicy(t))
			}
			if diff := cmp.Diff(tc.want, c.reads); diff != "" {
				t.Errorf("reads (-want +got)\n%s", diff)
			}
		})
	}
}

func TestNoMoreThanTheLimitIsRead(t *testing.T) {
	t.Parallel()
	const limit = 100
	c := newCluster()
	hr := helmRelease(t, "")
	for i := range limit + 5 {
		hr.Spec.ValuesFrom = append(hr.Spec.ValuesFrom, optional(from("ConfigMap", string(rune('a'+i)))))
	}
	res := resolve(t, hr, c).Evaluate(privatePolicy(t))
	if len(c.reads) != limit {
		t.Errorf("%d reads, want %d", len(c.reads), limit)
	}
	if n := len(res.Unresolved); n != 1 || res.Unresolved[0].Reason != "not read, because there is too much besides it" {
		t.Errorf("%d unresolved: %v", n, untold(res))
	}
}

// TestReferencesBeyondTheLimitAreOne: what to tell of each of them would cost the square of their number, and an object has room for
// tens of thousands. Whatever they are, anything may come of them.
func TestReferencesBeyondTheLimitAreOne(t *testing.T) {
	t.Parallel()
	hr := helmRelease(t, "")
	for range 40_000 {
		hr.Spec.ValuesFrom = append(hr.Spec.ValuesFrom, target(from("ConfigMap", "c"), "other"))
	}
	rel := resolve(t, hr, newCluster(configMap("c", values("x"))))
	want := []string{"ConfigMap c/values.yaml: not read, because there is too much besides it"}
	if got := untold(rel.Evaluate(privatePolicy(t))); !slices.Equal(got, want) || len(rel.layers) != 102 {
		t.Errorf("%d layers, unresolved %q", len(rel.layers), got)
	}
}
