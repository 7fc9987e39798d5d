package release

import (
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// A release without a source of its own: helm-controller makes a HelmChart or an OCIRepository of what spec.chart says.
func TestTemplateOfTheSourceTellsWhoseReleaseItIs(t *testing.T) {
	t.Parallel()
	const podinfo = "oci://ghcr.io/stefanprodan/charts/podinfo"
	type ref = sourcev1.OCIRepositoryRef
	oci := func(url string, r *ref) helmv2.HelmChartTemplate {
		c := helmv2.HelmChartTemplate{Kind: sourcev1.OCIRepositoryKind}
		c.Spec.URL, c.Spec.Reference = url, r
		return c
	}
	named := func(chart string, from helmv2.CrossNamespaceObjectReference) helmv2.HelmChartTemplate {
		return helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{Chart: chart, Version: "5.8.0", SourceRef: &from}}
	}
	kind := func(kind string, c helmv2.HelmChartTemplate) helmv2.HelmChartTemplate {
		c.Kind = kind
		return c
	}
	repo := helmv2.CrossNamespaceObjectReference{Kind: sourcev1.HelmRepositoryKind, Name: "charts"}
	git := helmv2.CrossNamespaceObjectReference{Kind: sourcev1.GitRepositoryKind, Name: "infra", Namespace: "flux-system"}
	foreign := helmv2.CrossNamespaceObjectReference{Kind: sourcev1.HelmRepositoryKind, Name: "my-truecharts"}
	const keyed = "spegel: {registries: []}"
	tests := map[string]struct {
		chart  helmv2.HelmChartTemplate
		charts []string
		name   string // p2p if empty
		inline string
		want   string // chart@version; "no" if it is not Spegel's, or why that is not known
	}{
		"Spegel's URL in a release of another name":      {chart: oci(upstream, nil), want: upstream + "@"},
		"another URL in a release called spegel":         {chart: oci(podinfo, nil), name: "spegel", inline: keyed, want: "no"},
		"a longer name behind Spegel's URL":              {chart: oci(upstream+"-mirror", nil), name: "spegel", want: "no"},
		"Spegel's URL with a slash":                      {chart: oci(upstream+"/", nil), want: upstream + "/@"},
		"another URL than that of the policy":            {chart: oci("oci://ghcr.io/fork/spegel", nil), charts: []string{upstream}, name: "spegel", want: "no"},
		"the URL of the policy":                          {chart: oci(upstream, nil), charts: []string{upstream + "/"}, want: upstream + "@"},
		"a tag":                                          {chart: oci(upstream, &ref{Tag: "0.0.30"}), want: upstream + "@0.0.30"},
		"a semver":                                       {chart: oci(upstream, &ref{SemVer: "0.x"}), want: upstream + "@0.x"},
		"a tag that a semver overrides":                  {chart: oci(upstream, &ref{Tag: "0.0.30", SemVer: ">=0.1.0"}), want: upstream + "@>=0.1.0"},
		"a tag that a digest overrides":                  {chart: oci(upstream, &ref{Tag: "0.0.30", Digest: "sha256:0"}), want: upstream + "@"},
		"a semver that a digest overrides":               {chart: oci(upstream, &ref{SemVer: "0.0.30", Digest: "sha256:0"}), want: upstream + "@"},
		"a URL of TrueCharts":                            {chart: oci("oci://oci.trueforge.org/truecharts/spegel", nil), name: "spegel", inline: keyed, want: "no"},
		"a HelmRepository of TrueCharts":                 {chart: named("spegel", foreign), name: "spegel", inline: keyed, want: "no"},
		"HelmChart, the kind that is the default":        {chart: kind("HelmChart", named("spegel", repo)), want: "spegel@5.8.0"},
		"a version beside files, which Flux ignores":     {chart: named("charts/spegel", git), want: "charts/spegel@"},
		"a chart without a sourceRef":                    {chart: helmv2.HelmChartTemplate{Spec: helmv2.HelmChartTemplateSpec{Chart: "spegel"}}, want: "spegel@"},
		"OCIRepository without a URL, by name":           {chart: oci("", nil), name: "spegel", want: "HelmRelease kube-system/spegel spec.chart.spec.url: not the oci:// URL of a chart" + notKnown},
		"OCIRepository without a URL":                    {chart: oci("", nil), name: "spegel-mirror", want: "HelmRelease kube-system/spegel-mirror spec.chart.spec.url: not the oci:// URL of a chart" + notKnown},
		"a path that names no chart, and a longer name":  {chart: named(".", git), name: "spegel-mirror", want: "GitRepository flux-system/infra: the path of the chart does not name it" + notKnown},
		"a path that names no chart, by name":            {chart: named(".", git), name: "spegel", want: ".@"},
		"no URL, in a release called spegel":             {chart: oci("ghcr.io/spegel-org/helm-charts/app", nil), name: "spegel", want: "HelmRelease kube-system/spegel spec.chart.spec.url: not the oci:// URL of a chart" + notKnown},
		"no URL, with the chart's name in it":            {chart: oci("https://example.com/spegel", nil), want: "HelmRelease kube-system/p2p spec.chart.spec.url: not the oci:// URL of a chart" + notKnown},
		"no URL, with values of Spegel":                  {chart: oci("oci://x", nil), inline: keyed, want: "HelmRelease kube-system/p2p spec.chart.spec.url: not the oci:// URL of a chart" + notKnown},
		"no URL, and nothing of Spegel":                  {chart: oci("podinfo", nil), want: "no"},
		"an unknown kind, with Spegel's URL":             {chart: kind("Chart", oci(upstream, nil)), want: "HelmRelease kube-system/p2p spec.chart.kind: neither HelmChart nor OCIRepository" + notKnown},
		"an unknown kind, with Spegel's chart":           {chart: kind("helmchart", named("spegel", repo)), want: "HelmRelease kube-system/p2p spec.chart.kind: neither HelmChart nor OCIRepository" + notKnown},
		"an unknown kind, in a release called spegel":    {chart: kind("Chart", oci(podinfo, nil)), name: "spegel", inline: keyed, want: "HelmRelease kube-system/spegel spec.chart.kind: neither HelmChart nor OCIRepository" + notKnown},
		"an unknown kind, and nothing of Spegel":         {chart: kind("Chart", oci(podinfo, nil)), want: "no"},
		"a URL without the kind that it needs":           {chart: kind("", oci(upstream, nil)), want: "HelmRelease kube-system/p2p spec.chart.kind: neither HelmChart nor OCIRepository" + notKnown},
		"an unknown kind, in a policy without any chart": {chart: kind("Chart", oci(upstream, nil)), name: "spegel", charts: []string{}, want: "no"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.charts == nil {
				tc.charts = []string{"spegel"}
			}
			hr := helmRelease(t, tc.inline)
			hr.Name, hr.Spec.Chart = "p2p", &tc.chart
			if tc.name != "" {
				hr.Name = tc.name
			}
			got := "no"
			if rel := Resolve(t.Context(), hr, Options{Charts: tc.charts}); rel != nil {
				got = rel.Chart + "@" + rel.Version
				for _, ref := range rel.Evaluate(validate.Policy{}).Unresolved {
					if !ref.Source {
						continue
					}
					got = ref.Kind + " " + ref.Namespace + "/" + ref.Name
					if ref.Key != "" {
						got += " " + ref.Key
					}
					got += ": " + ref.Reason
				}
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

// Nobody knows whose chart it is, so nothing is found, nothing is known of the list, and no policy denies.
func TestReleaseOfAnUnknownChartIsUnresolvedAlone(t *testing.T) {
	t.Parallel()
	hr := helmRelease(t, "spegel: {enabled: true}", from("ConfigMap", "gone"))
	chartRef(hr, sourcev1.OCIRepositoryKind, "", "mirror")
	hr.Name = "spegel-mirror"
	rel := resolve(t, hr, newCluster())
	res := rel.Evaluate(validate.Policy{})
	if len(res.Findings) > 0 || len(res.Unresolved) != 1 || !res.Unresolved[0].Source {
		t.Errorf("got %+v", res)
	}
	if _, _, known := rel.Value("mirroredRegistries"); known {
		t.Error("the list is known")
	}
}
