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
	// own says that the chart lies in Spegel's own registry, so that no other chart wraps it.
	own bool
	// helmChart is what spec.chartRef names, if it is one.
	helmChart *sourcev1.HelmChartSpec
	// unread is what would say which chart it is. It is set only if the answer is unknown.
	unread *Reference
	// unfit says that no Flux accepts what spec.chart says, so that names decide nothing.
	unfit bool
}

// trueCharts stands in the name or the URL of a source of TrueCharts, whose chart of the same name has other values.
const trueCharts = "truecharts"

// chartSource looks at the HelmRelease alone; unknown where it refers to a source instead.
func chartSource(hr *helmv2.HelmRelease, charts []string) source {
	if ref := hr.Spec.ChartRef; ref != nil && strings.Contains(ref.Name, trueCharts) {
		return source{is: no}
	}
	if hr.Spec.Chart == nil {
		return source{}
	}
	spec := hr.Spec.Chart.Spec
	field := func(key, reason string) source {
		at := Reference{Kind: helmv2.HelmReleaseKind, Namespace: hr.Namespace, Name: hr.Name, Key: key}
		return source{chart: cmp.Or(spec.Chart, spec.URL), unread: unreadSource(at, reason), unfit: true}
	}
	switch kind := hr.Spec.Chart.Kind; {
	case kind == sourcev1.OCIRepositoryKind && spec.URL == "":
		return source{}
	case kind == sourcev1.OCIRepositoryKind && !chartURL.MatchString(spec.URL):
		return field("spec.chart.spec.url", "not the oci:// URL of a chart")
	case kind == sourcev1.OCIRepositoryKind:
		return ociSource(&spec.OCIRepositorySpec, charts)
	case kind != "" && kind != sourcev1.HelmChartKind:
		return field("spec.chart.kind", "neither HelmChart nor OCIRepository")
	case spec.Chart == "" && spec.URL != "":
		return field("spec.chart.kind", "not OCIRepository, which spec.chart.spec.url needs")
	case spec.Chart == "":
		return source{}
	}
	from := sourceOf(hr)
	s := namedChart(spec.Chart, spec.Version, from.Kind, from.Name, charts)
	if s.is == unknown {
		s.unread = unreadSource(from, "the path of the chart does not name it")
	}
	return s
}

// namedChart is a chart of a HelmChart: a name in a HelmRepository, or a path in files.
func namedChart(chart, version, kind, name string, charts []string) source {
	if strings.Contains(name, trueCharts) {
		return source{is: no}
	}
	if ofFiles(kind) {
		version = "" // Flux ignores it there, and takes the one of the Chart.yaml
	}
	return source{is: isChart(chart, kind, charts), chart: chart, version: version}
}

// ofFiles reports whether a kind of source has charts as folders or files.
func ofFiles(kind string) bool {
	return kind == sourcev1.GitRepositoryKind || kind == sourcev1.BucketKind
}

// ociSource is the chart of an OCIRepository. Only a tag or an exact semver that nothing else overrides is a version.
func ociSource(repo *sourcev1.OCIRepositorySpec, charts []string) source {
	if strings.Contains(repo.URL, trueCharts) {
		return source{is: no}
	}
	s := source{is: isChart(repo.URL, sourcev1.OCIRepositoryKind, charts), chart: repo.URL}
	s.own = strings.Contains(repo.URL, "spegel-org") || strings.Contains(repo.URL, "xenitab")
	if ref := repo.Reference; ref != nil && ref.Digest == "" {
		s.version = cmp.Or(ref.SemVer, ref.Tag)
	}
	return s
}

// The CEL policies have these expressions too: manifests/components/validating-admission-policy.
var (
	// nowhere matches a path that is nothing but dots and slashes, or ends in "..": its last segment names no chart.
	nowhere = regexp.MustCompile(`^[./]*$|/[.]{2}(/+[.]?)*$`)
	// plain matches what a folder of a chart is called, which is the chart's name.
	plain = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// chartURL matches a URL with a host and a path, whose last segment is the chart's name.
	chartURL = regexp.MustCompile(`^oci://[^/]+/.`)
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
	if nowhere.MatchString(chart) || ofFiles(kind) && (below || !plain.MatchString(name)) {
		return unknown
	}
	return no
}

// readSource reads what spec.chartRef names.
func readSource(ctx context.Context, hr *helmv2.HelmRelease, o Options) source {
	from := sourceOf(hr)
	key := client.ObjectKey{Namespace: from.Namespace, Name: from.Name}
	unread := func(reason string) source { return source{unread: unreadSource(from, reason)} }
	if o.Reader == nil {
		return unread("not read")
	}
	switch from.Kind {
	case sourcev1.OCIRepositoryKind:
		var repo sourcev1.OCIRepository
		if err := o.Reader.Get(ctx, key, &repo); err != nil {
			return unread(whyUnread(err))
		}
		if !chartURL.MatchString(repo.Spec.URL) {
			return unread("its URL is not the oci:// URL of a chart")
		}
		return ociSource(&repo.Spec, o.Charts)
	case sourcev1.HelmChartKind:
		var chart sourcev1.HelmChart
		if err := o.Reader.Get(ctx, key, &chart); err != nil {
			return unread(whyUnread(err))
		}
		s := namedChart(chart.Spec.Chart, chart.Spec.Version, chart.Spec.SourceRef.Kind, chart.Spec.SourceRef.Name, o.Charts)
		if s.is == unknown || chart.Spec.Chart == "" {
			version := s.version
			s = unread("the path of the chart does not name it")
			s.chart, s.version = chart.Spec.Chart, version
		}
		s.helmChart = &chart.Spec
		return s
	}
	return unread("it does not say which chart it holds") // an ExternalArtifact
}

// sourceOf is the object that the release takes its chart from; without a name if it takes it from none.
func sourceOf(hr *helmv2.HelmRelease) Reference {
	var ref helmv2.CrossNamespaceObjectReference
	switch {
	case hr.Spec.ChartRef != nil:
		from := hr.Spec.ChartRef
		ref = helmv2.CrossNamespaceObjectReference{Kind: from.Kind, Namespace: from.Namespace, Name: from.Name}
	case hr.Spec.Chart == nil:
	case hr.Spec.Chart.Spec.SourceRef != nil:
		ref = *hr.Spec.Chart.Spec.SourceRef
	case hr.Spec.Chart.Kind == sourcev1.OCIRepositoryKind:
		ref.Kind, ref.Name = sourcev1.OCIRepositoryKind, hr.Spec.Chart.Spec.URL
	}
	return Reference{Kind: ref.Kind, Namespace: cmp.Or(ref.Namespace, hr.Namespace), Name: ref.Name}
}

func unreadSource(from Reference, reason string) *Reference {
	from.Source, from.Reason = true, reason+", so whether it is Spegel's chart is not known"
	return &from
}

// namedLikeChart is the fallback by name.
func namedLikeChart(hr *helmv2.HelmRelease, charts []string) bool {
	return anyName(hr, charts, func(name, chart string) bool { return name == chart })
}

// suggestsChart reports whether a HelmRelease whose chart is not known may well install one of the policy: a name, or what
// stands for the chart, contains the chart's name.
func suggestsChart(hr *helmv2.HelmRelease, src source, charts []string) bool {
	return anyName(hr, charts, strings.Contains) || src.unfit && slices.ContainsFunc(charts, func(c string) bool {
		return strings.Contains(src.chart, chartName(c))
	})
}

func anyName(hr *helmv2.HelmRelease, charts []string, matches func(name, chart string) bool) bool {
	names := []string{hr.Name, hr.Spec.ReleaseName}
	if hr.Spec.ChartRef != nil {
		names = append(names, hr.Spec.ChartRef.Name)
	}
	return slices.ContainsFunc(charts, func(c string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return matches(name, chartName(c)) })
	})
}

// chartName is the name of a chart of the policy, which may be a URL.
func chartName(chart string) string { return path.Base(strings.TrimRight(chart, "/")) }

// hasChartKey is the fallback by values: a map spegel with a key that no other chart is known to have.
// Read at chart v0.0.14 to v0.7.4.
func hasChartKey(values any) bool {
	node, _ := lookup(values, validate.Path{spegelKey})
	spegel, _ := asMap(node)
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
