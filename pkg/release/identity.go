package release

import (
	"cmp"
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

// trueCharts stands in the name or the URL of a source of TrueCharts, whose chart of the same name has other values.
const trueCharts = "truecharts"

// readSource finds out which chart a HelmRelease installs, as a HelmChart says it, and which object holds it. Of an
// OCIRepository the URL is the chart. from.Reason says why the chart is not known, and from.Key names the field where no
// Flux accepts what the release itself says.
func readSource(ctx context.Context, hr *helmv2.HelmRelease, r Reader) (chart sourcev1.HelmChartSpec, from Reference) {
	ref := hr.Spec.ChartRef
	switch {
	case hr.Spec.Chart != nil:
		return template(hr)
	case ref == nil:
		return chart, Reference{Kind: helmv2.HelmReleaseKind, Namespace: hr.Namespace, Name: hr.Name, Reason: "it names no chart"}
	}
	key := client.ObjectKey{Namespace: cmp.Or(ref.Namespace, hr.Namespace), Name: ref.Name}
	from = Reference{Kind: ref.Kind, Namespace: key.Namespace, Name: key.Name}
	if strings.Contains(ref.Name, trueCharts) {
		return chart, from // whatever it holds
	}
	var err error
	switch ref.Kind {
	case sourcev1.OCIRepositoryKind:
		var repo sourcev1.OCIRepository
		err = r.Get(ctx, key, &repo)
		chart = ociChart(&repo.Spec)
	case sourcev1.HelmChartKind:
		var of sourcev1.HelmChart
		err = r.Get(ctx, key, &of)
		chart = of.Spec
	default:
		chart.SourceRef.Kind, from.Reason = sourcev1.ExternalArtifactKind, "it does not say which chart it holds"
	}
	if err != nil {
		chart, from.Reason = sourcev1.HelmChartSpec{}, Reason(err)
	}
	return chart, from
}

// template is what spec.chart says.
func template(hr *helmv2.HelmRelease) (chart sourcev1.HelmChartSpec, from Reference) {
	kind, spec := hr.Spec.Chart.Kind, hr.Spec.Chart.Spec
	from = Reference{Kind: helmv2.HelmReleaseKind, Namespace: hr.Namespace, Name: hr.Name}
	switch {
	case kind == sourcev1.OCIRepositoryKind && chartURL.MatchString(spec.URL):
		return ociChart(&spec.OCIRepositorySpec), Reference{Kind: kind, Namespace: hr.Namespace, Name: spec.URL}
	case kind == sourcev1.OCIRepositoryKind:
		from.Key, from.Reason = "spec.chart.spec.url", "not the oci:// URL of a chart"
	case kind != "" && kind != sourcev1.HelmChartKind || spec.Chart == "" && spec.URL != "":
		from.Key, from.Reason = "spec.chart.kind", "neither HelmChart nor OCIRepository"
	case spec.SourceRef != nil:
		chart.SourceRef.Kind, chart.SourceRef.Name = spec.SourceRef.Kind, spec.SourceRef.Name
		from = Reference{Kind: spec.SourceRef.Kind, Namespace: cmp.Or(spec.SourceRef.Namespace, hr.Namespace), Name: spec.SourceRef.Name}
	}
	chart.Chart, chart.Version, chart.ValuesFiles = cmp.Or(spec.Chart, spec.URL), spec.Version, spec.ValuesFiles
	chart.IgnoreMissingValuesFiles = spec.IgnoreMissingValuesFiles
	return chart, from
}

// ociChart is the chart of an OCIRepository. Only a tag or an exact semver that nothing else overrides is a version.
func ociChart(repo *sourcev1.OCIRepositorySpec) (chart sourcev1.HelmChartSpec) {
	chart.Chart, chart.SourceRef.Kind, chart.SourceRef.Name = repo.URL, sourcev1.OCIRepositoryKind, repo.URL
	if ref := repo.Reference; ref != nil && ref.Digest == "" {
		chart.Version = cmp.Or(ref.SemVer, ref.Tag)
	}
	return chart
}

// ofFiles reports whether a kind of source has charts as folders or files.
func ofFiles(kind string) bool {
	return kind == sourcev1.GitRepositoryKind || kind == sourcev1.BucketKind || kind == sourcev1.ExternalArtifactKind
}

// The CEL policies have these expressions too: manifests/components/validating-admission-policy.
var (
	// nowhere matches a path that is nothing but dots and slashes, or ends in "..": its last segment names no chart.
	nowhere = regexp.MustCompile(`^[./]*$|/[.]{2}(/+[.]?)*$`)
	// plain matches what a folder of a chart is called, which is the chart's name.
	plain = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// chartURL matches a URL with a host and a path, whose last segment is the chart's name.
	chartURL = regexp.MustCompile(`^oci://[^/]+/.`)
	// own matches the URL of Spegel's own registries, where no other chart wraps it.
	own = regexp.MustCompile(`^oci://.*(spegel-org|xenitab)`)
	// packaged matches what "helm package" adds to the chart's name.
	packaged = regexp.MustCompile(`-v?\d+[.]\d+[.]\d+([-+][0-9A-Za-z.+-]*)?[.]tgz$`)
)

// isChart compares a chart with those of the policy. A URL of the policy is compared as a whole with a URL, and by its last
// segment with anything else. Whether it is one is unknown, for a reason, if a path does not tell which chart it leads to, as
// one of files that leads below a folder named like a chart of the policy: the chart may be that one, whose name stands in
// its Chart.yaml.
func isChart(chart sourcev1.HelmChartSpec, from Reference, charts []string) (is bool, unknown string) {
	of := chart.SourceRef
	switch {
	case strings.Contains(from.Name, trueCharts) || strings.Contains(of.Name, trueCharts):
		return false, ""
	case from.Reason != "":
		return false, from.Reason
	case of.Kind == sourcev1.OCIRepositoryKind && !chartURL.MatchString(chart.Chart):
		return false, "its URL is not the oci:// URL of a chart"
	}
	whole := strings.TrimRight(chart.Chart, "/")
	dir, name := path.Split(path.Clean(chart.Chart))
	name = packaged.ReplaceAllLiteralString(name, "")
	below := false
	for _, c := range charts {
		c = strings.TrimRight(c, "/")
		urls := strings.Contains(c, "://") && strings.Contains(whole, "://")
		if urls && c == whole || !urls && path.Base(c) == name {
			return true, ""
		}
		below = below || slices.Contains(strings.Split(dir, "/"), path.Base(c))
	}
	if nowhere.MatchString(chart.Chart) || ofFiles(of.Kind) && (below || !plain.MatchString(name)) {
		return false, "the path of the chart does not name it"
	}
	return false, ""
}

// likeness reports whether a name of a HelmRelease, or of its source, is that of a chart of the policy, or contains one.
func likeness(hr *helmv2.HelmRelease, of sourcev1.HelmChartSpec, from Reference, charts []string) (same, contains bool) {
	names := []string{hr.Name, hr.Spec.ReleaseName}
	if hr.Spec.ChartRef != nil {
		names = append(names, hr.Spec.ChartRef.Name)
	}
	if from.Key != "" {
		names = append(names, of.Chart)
	}
	for _, c := range charts {
		chart := path.Base(strings.TrimRight(c, "/"))
		for _, name := range names {
			same, contains = same || name == chart, contains || strings.Contains(name, chart)
		}
	}
	return same, contains
}

// hasChartKey reports whether a layer has a map spegel with a key that no other chart is known to have.
// Read at chart v0.0.14 to v0.7.4.
func (r *Release) hasChartKey() bool {
	return slices.ContainsFunc(r.layers, func(l layer) bool {
		spegel, _ := certainty.Child(l.tree, spegelKey)
		keys, _, _ := certainty.Parts(spegel)
		return slices.ContainsFunc([]string{
			"mirroredRegistries", "mirrorResolveRetries", "mirrorResolveTimeout", "additionalMirrorTargets", "additionalMirrorRegistries",
			"containerdSock", "containerdNamespace", "containerdRegistryConfigPath", "containerdContentPath", "containerdMirrorAdd",
			"prependExisting", "appendMirrors", "resolveTags", "resolveLatestTag", "registryFilters", "registries",
		}, func(key string) bool {
			_, set := keys[key]
			return set
		})
	})
}
