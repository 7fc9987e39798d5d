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

// answer is yes, no or unknown.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// source is the chart of a HelmRelease, as spec.chart says it, or what spec.chartRef leads to.
type source struct {
	is             answer // a chart of the policy?
	chart, version string
	own            bool // it lies in Spegel's own registry, so that no other chart wraps it

	// from is the object that holds the chart, without a name if there is none. Its Reason is why the answer is unknown, if
	// anything could say it.
	from        Reference
	files       bool // the chart lies in files there
	valuesFiles []string
	unfit       bool // no Flux accepts what spec.chart says, so that names decide nothing
}

// trueCharts stands in the name or the URL of a source of TrueCharts, whose chart of the same name has other values.
const trueCharts = "truecharts"

// readSource finds out which chart a HelmRelease installs.
func readSource(ctx context.Context, hr *helmv2.HelmRelease, o Options) (src source) {
	if hr.Spec.Chart != nil {
		src = templateSource(hr, o.Charts)
	} else if hr.Spec.ChartRef != nil {
		src = refSource(ctx, hr, o)
	}
	return src
}

// templateSource is what spec.chart says.
func templateSource(hr *helmv2.HelmRelease, charts []string) source {
	kind, spec := hr.Spec.Chart.Kind, hr.Spec.Chart.Spec
	var unfit string
	field := "spec.chart.kind"
	switch oci := kind == sourcev1.OCIRepositoryKind; {
	case kind != "" && kind != sourcev1.HelmChartKind && !oci:
		unfit = "neither HelmChart nor OCIRepository"
	case oci && spec.URL != "" && !chartURL.MatchString(spec.URL):
		field, unfit = "spec.chart.spec.url", "not the oci:// URL of a chart"
	case oci:
		return ociSource(&spec.OCIRepositorySpec, Reference{Kind: kind, Namespace: hr.Namespace, Name: spec.URL}, charts)
	case spec.Chart == "" && spec.URL != "":
		unfit = "not OCIRepository, which spec.chart.spec.url needs"
	default:
		of, from := sourcev1.HelmChartSpec{Chart: spec.Chart, Version: spec.Version, ValuesFiles: spec.ValuesFiles}, Reference{}
		if ref := spec.SourceRef; ref != nil {
			of.SourceRef.Kind, of.SourceRef.Name = ref.Kind, ref.Name
			from = Reference{Kind: ref.Kind, Namespace: cmp.Or(ref.Namespace, hr.Namespace), Name: ref.Name}
		}
		return namedChart(&of, from, charts)
	}
	from := Reference{Kind: helmv2.HelmReleaseKind, Namespace: hr.Namespace, Name: hr.Name, Key: field, Reason: unfit}
	return source{chart: cmp.Or(spec.Chart, spec.URL), from: from, unfit: true}
}

// refSource reads what spec.chartRef names.
func refSource(ctx context.Context, hr *helmv2.HelmRelease, o Options) source {
	ref := hr.Spec.ChartRef
	key := client.ObjectKey{Namespace: cmp.Or(ref.Namespace, hr.Namespace), Name: ref.Name}
	from := Reference{Kind: ref.Kind, Namespace: key.Namespace, Name: key.Name}
	var err error
	switch {
	case strings.Contains(ref.Name, trueCharts):
		return source{is: no}
	case ref.Kind == sourcev1.OCIRepositoryKind:
		var repo sourcev1.OCIRepository
		err = get(ctx, o.Reader, key, &repo)
		if err == nil && !chartURL.MatchString(repo.Spec.URL) {
			err = &Unreadable{Reason: "its URL is not the oci:// URL of a chart"}
		}
		if err == nil {
			return ociSource(&repo.Spec, from, o.Charts)
		}
	case ref.Kind == sourcev1.HelmChartKind:
		var of sourcev1.HelmChart
		if err = get(ctx, o.Reader, key, &of); err == nil {
			return namedChart(&of.Spec, from, o.Charts)
		}
	default: // an ExternalArtifact
		from.Reason = "it does not say which chart it holds"
		return source{from: from, files: true}
	}
	from.Reason = Reason(err)
	return source{from: from}
}

// namedChart is the chart of a HelmChart: a name in a HelmRepository, or a path in files.
func namedChart(of *sourcev1.HelmChartSpec, from Reference, charts []string) source {
	s := source{
		is: isChart(of.Chart, of.SourceRef.Kind, of.SourceRef.Name, charts), chart: of.Chart, version: of.Version, from: from, valuesFiles: of.ValuesFiles,
	}
	if s.is == unknown {
		s.from.Reason = "the path of the chart does not name it"
	}
	if s.files = ofFiles(of.SourceRef.Kind); s.files {
		s.version = "" // Flux ignores it there, and takes the one of the Chart.yaml
	}
	return s
}

// ociSource is the chart of an OCIRepository. Only a tag or an exact semver that nothing else overrides is a version.
func ociSource(repo *sourcev1.OCIRepositorySpec, from Reference, charts []string) source {
	s := source{is: isChart(repo.URL, sourcev1.OCIRepositoryKind, repo.URL, charts), chart: repo.URL, from: from}
	s.own = strings.Contains(repo.URL, "spegel-org") || strings.Contains(repo.URL, "xenitab")
	if ref := repo.Reference; ref != nil && ref.Digest == "" {
		s.version = cmp.Or(ref.SemVer, ref.Tag)
	}
	return s
}

// ofFiles reports whether a kind of source has charts as folders or files.
func ofFiles(kind string) bool {
	return kind == sourcev1.GitRepositoryKind || kind == sourcev1.BucketKind
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

// isChart compares a chart's name, path or URL, out of a source of that kind and name, with the charts of the policy. A URL of the policy is
// compared as a whole with a URL, and by its last segment with anything else. A path that does not tell
// which chart it leads to is unknown, and so is one of files that leads below a folder named like a chart of the policy:
// the chart may be that one, whose name stands in its Chart.yaml.
func isChart(chart, kind, source string, charts []string) answer {
	if strings.Contains(source, trueCharts) {
		return no
	}
	whole := strings.TrimRight(chart, "/")
	dir, name := path.Split(path.Clean(chart))
	name = packaged.ReplaceAllLiteralString(name, "")
	below := false
	for _, c := range charts {
		c = strings.TrimRight(c, "/")
		urls := strings.Contains(c, "://") && strings.Contains(whole, "://")
		if urls && c == whole || !urls && path.Base(c) == name {
			return yes
		}
		below = below || slices.Contains(strings.Split(dir, "/"), path.Base(c))
	}
	if nowhere.MatchString(chart) || ofFiles(kind) && (below || !plain.MatchString(name)) {
		return unknown
	}
	return no
}

// likeness reports whether a name of a HelmRelease, or of its source, is that of a chart of the policy, or contains one.
func likeness(hr *helmv2.HelmRelease, src source, charts []string) (same, contains bool) {
	names := []string{hr.Name, hr.Spec.ReleaseName}
	if hr.Spec.ChartRef != nil {
		names = append(names, hr.Spec.ChartRef.Name)
	}
	if src.unfit {
		names = append(names, src.chart)
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
		for _, key := range []string{
			"mirroredRegistries", "mirrorResolveRetries", "mirrorResolveTimeout", "additionalMirrorTargets", "additionalMirrorRegistries",
			"containerdSock", "containerdNamespace", "containerdRegistryConfigPath", "containerdContentPath", "containerdMirrorAdd",
			"prependExisting", "appendMirrors", "resolveTags", "resolveLatestTag", "registryFilters", "registries",
		} {
			if _, set := keys[key]; set {
				return true
			}
		}
		return false
	})
}
