package release

import (
	"context"
	"path"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// answer is yes, no or unknown.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// namesChart tells by spec.chart alone; unknown where the HelmRelease refers to a source instead.
func namesChart(hr *helmv2.HelmRelease, charts []string) answer {
	if hr.Spec.Chart == nil || hr.Spec.Chart.Spec.Chart == "" {
		return unknown
	}
	return isChart(hr.Spec.Chart.Spec.Chart, charts)
}

// isChart compares a chart's name, path or URL with the charts of the policy. A URL of the policy is
// compared as a whole with a URL, and by its last segment with anything else.
func isChart(chart string, charts []string) answer {
	chart = strings.TrimRight(chart, "/")
	for _, c := range charts {
		c = strings.TrimRight(c, "/")
		if strings.Contains(c, "://") && strings.Contains(chart, "://") {
			if c == chart {
				return yes
			}
		} else if path.Base(c) == path.Base(chart) {
			return yes
		}
	}
	return no
}

// source is what spec.chartRef leads to.
type source struct {
	is             answer
	chart, version string
}

func readSource(ctx context.Context, hr *helmv2.HelmRelease, o Options) source {
	ref := hr.Spec.ChartRef
	if ref == nil || o.Reader == nil {
		return source{}
	}
	key := client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}
	if key.Namespace == "" {
		key.Namespace = hr.Namespace
	}
	switch ref.Kind {
	case sourcev1.OCIRepositoryKind:
		var repo sourcev1.OCIRepository
		if err := o.Reader.Get(ctx, key, &repo); err != nil || repo.Spec.URL == "" {
			return source{}
		}
		s := source{is: isChart(repo.Spec.URL, o.Charts), chart: repo.Spec.URL}
		if ref := repo.Spec.Reference; ref != nil {
			s.version = ref.Tag
			if ref.SemVer != "" {
				s.version = ref.SemVer
			}
		}
		return s
	case sourcev1.HelmChartKind:
		var chart sourcev1.HelmChart
		if err := o.Reader.Get(ctx, key, &chart); err != nil || chart.Spec.Chart == "" {
			return source{}
		}
		return source{is: isChart(chart.Spec.Chart, o.Charts), chart: chart.Spec.Chart, version: chart.Spec.Version}
	}
	return source{} // an ExternalArtifact does not say which chart it holds
}

// namedLikeChart is the fallback by name.
func namedLikeChart(hr *helmv2.HelmRelease, charts []string) bool {
	names := []string{hr.Name, hr.Spec.ReleaseName}
	if hr.Spec.ChartRef != nil {
		names = append(names, hr.Spec.ChartRef.Name)
	}
	return slices.ContainsFunc(charts, func(c string) bool { return slices.Contains(names, path.Base(strings.TrimRight(c, "/"))) })
}

// hasChartKey is the fallback by values: a map spegel with a key that no other chart is known to have.
// Read at chart v0.0.14 to v0.7.4.
func hasChartKey(values any) bool {
	spegel, _ := at(values, validate.Path{spegelKey}).(map[string]any)
	for _, key := range []string{
		listKey, "mirrorResolveRetries", "mirrorResolveTimeout", "additionalMirrorTargets", "additionalMirrorRegistries",
		"containerdSock", "containerdNamespace", "containerdRegistryConfigPath", "containerdContentPath", "containerdMirrorAdd",
		"prependExisting", "appendMirrors", "resolveTags", "resolveLatestTag", "registryFilters", "registries",
	} {
		if _, ok := spegel[key]; ok {
			return true
		}
	}
	return false
}
