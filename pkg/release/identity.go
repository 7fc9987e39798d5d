package release

import (
	"context"
	"path"
	"regexp"
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

// source is what spec.chart says, or what spec.chartRef leads to.
type source struct {
	is             answer
	chart, version string
}

// chartSource looks at spec.chart alone; unknown where the HelmRelease refers to a source instead.
func chartSource(hr *helmv2.HelmRelease, charts []string) source {
	if hr.Spec.Chart == nil || hr.Spec.Chart.Spec.Chart == "" {
		return source{}
	}
	chart, kind := hr.Spec.Chart.Spec, ""
	if chart.SourceRef != nil {
		kind = chart.SourceRef.Kind
	}
	return source{is: isChart(chart.Chart, kind, charts), chart: chart.Chart, version: chart.Version}
}

// The twin has these expressions too: manifests/components/validating-admission-policy.
var (
	// nowhere matches a path that is nothing but dots and slashes, or ends in "..": its last segment names no chart.
	nowhere = regexp.MustCompile(`^[./]*$|/[.]{2}(/+[.]?)*$`)
	// plain matches what a folder of a chart is called, which is the chart's name.
	plain = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// packaged matches what "helm package" adds to the chart's name.
	packaged = regexp.MustCompile(`-v?\d+[.]\d+[.]\d+([-+][0-9A-Za-z.+-]*)?[.]tgz$`)
)

// isChart compares a chart's name, path or URL with the charts of the policy. A URL of the policy is
// compared as a whole with a URL, and by its last segment with anything else. A path that does not tell
// which chart it leads to is unknown, and so is one of files that leads below a folder named like a chart of the policy:
// the chart may be that one, whose name stands in its Chart.yaml.
func isChart(chart, kind string, charts []string) answer {
	dir, name := path.Split(path.Clean(chart))
	folders := strings.Split(dir, "/")
	below := false
	if at := packaged.FindStringIndex(name); at != nil {
		name = name[:at[0]]
	}
	whole := strings.TrimRight(chart, "/")
	for _, c := range charts {
		c = strings.TrimRight(c, "/")
		if strings.Contains(c, "://") && strings.Contains(whole, "://") {
			if c == whole {
				return yes
			}
		} else if path.Base(c) == name {
			return yes
		}
		below = below || slices.Contains(folders, path.Base(c))
	}
	ofFiles := kind == sourcev1.GitRepositoryKind || kind == sourcev1.BucketKind
	if nowhere.MatchString(chart) || ofFiles && (below || !plain.MatchString(name)) {
		return unknown
	}
	return no
}

// readSource reads what spec.chartRef names.
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
		s := source{is: isChart(repo.Spec.URL, sourcev1.OCIRepositoryKind, o.Charts), chart: repo.Spec.URL}
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
		return source{is: isChart(chart.Spec.Chart, chart.Spec.SourceRef.Kind, o.Charts), chart: chart.Spec.Chart, version: chart.Spec.Version}
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
