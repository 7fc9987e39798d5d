package release

import (
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
)

// Neither its source nor its values are there, and no name tells. To take it for Spegel's would be to hold up everybody's.
func TestAReleaseThatShowsNothingIsNotSpegels(t *testing.T) {
	t.Parallel()
	hr := helmRelease(t, "", helmv2.ValuesReference{Kind: "ConfigMap", Name: "gone"})
	chartRef(hr, sourcev1.OCIRepositoryKind, "", "mirror")
	hr.Name, hr.Spec.ReleaseName = "mirror", "mirror"
	if rel := Resolve(t.Context(), hr, Options{Charts: []string{"spegel"}, Reader: newCluster()}); rel != nil {
		t.Errorf("it is Spegel's: %+v", rel)
	}
	hr.Spec.ChartRef.Name = "spegel"
	if Resolve(t.Context(), hr, Options{Charts: []string{"spegel"}, Reader: newCluster()}) == nil {
		t.Error("not Spegel's, although its chartRef says so")
	}
}
