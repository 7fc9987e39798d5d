package release

import (
	"context"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Reader reads one object by name, as controller-runtime's client does: errors are those of the
// Kubernetes API, so a missing object is NotFound and one that may not be read is Forbidden. Keys of a ConfigMap or a Secret
// that it fills in beside an error count as read.
type Reader interface {
	Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error
}

// Unreadable is an error of a Reader that says why an object can't be read, in words for a person.
type Unreadable struct{ Reason string }

// Error is the reason.
func (u *Unreadable) Error() string { return u.Reason }

// Options say how a HelmRelease is resolved.
type Options struct {
	// Charts are the chart names, or full oci:// or https:// URLs, taken for Spegel's.
	Charts []string
	// Reader reads the objects that the HelmRelease names.
	Reader Reader
	// Create says that the HelmRelease does not exist yet. What it names may come along with it, so even
	// an optional reference that is missing is not yet known to be empty.
	Create bool
	// ChartValues, if not nil, reads the values that a chart itself brings, the lowest first: its values.yaml, or the valuesFiles
	// in its place. namespace is that of its source. Nil says that they were not read; that counts if the chart is not Spegel's
	// as it is published.
	ChartValues func(chart sourcev1.HelmChartSpec, namespace string) []ChartValues
	// Variables, if not nil, lists the variables without a known value in a scalar or a key of the values. The text has a
	// placeholder for each. Result.Unresolved names those that matter as they are returned here.
	Variables func(text string) []Reference
}

// ChartValues is a values file of a chart.
type ChartValues struct {
	File   string // its path, as a person finds it
	Data   string // its content
	Unread string // why it can't be read; empty if it was
}

// Release is a HelmRelease of Spegel, resolved, or one that may be: see Resolve.
type Release struct {
	Namespace, Name string
	// Chart is the chart as the HelmRelease or its source names it, Version its version or range; both
	// are empty where a source that can't be read holds them.
	Chart, Version string
	Suspended      bool

	layers    []layer                  // what the chart brings, the entries of spec.valuesFrom, and spec.values: the lowest first
	input     validate.Input           // with the effective values, of which parts may not be known
	unknown   []Reference              // why: what reasons in them are indices of
	variables func(string) []Reference // as in Options
}

// Resolve finds out whose chart a HelmRelease installs and gathers its values. It returns nil for a release
// of another chart. What can't be read is no error: Evaluate reports it as unresolved. So it does the source of a release
// that may be Spegel's, as its names contain the name of a chart, and of which nothing else is known.
func Resolve(ctx context.Context, hr *helmv2.HelmRelease, o Options) *Release {
	chart, from := readSource(ctx, hr, o.Reader)
	is, unknown := isChart(chart, from, o.Charts)
	if !is && unknown == "" {
		return nil
	}
	if ofFiles(chart.SourceRef.Kind) {
		chart.Version = "" // Flux ignores it there, and takes the one of the Chart.yaml
	}
	r := &Release{
		Namespace: hr.Namespace, Name: hr.Name, Suspended: hr.Spec.Suspend, Chart: chart.Chart, Version: chart.Version,
		input: validate.Input{OwnChart: own.MatchString(chart.Chart), ChartVersion: chart.Version}, variables: o.Variables,
	}
	r.readLayers(ctx, hr, o)
	r.input.Values = r.merge()
	var files []ChartValues
	if o.ChartValues != nil {
		files = o.ChartValues(chart, from.Namespace)
	}
	r.readChart(chart, from, files)
	if is {
		return r
	}
	same, contains := likeness(hr, chart, from, o.Charts)
	switch key := r.hasChartKey(); {
	case (same || key) && from.Key == "":
		return r
	case contains || key:
		from.Source, from.Reason = true, unknown+", so whether it is Spegel's chart is not known"
		r.input.Values = certainty.Unknown{Reasons: []int{r.because(from)}}
		return r
	}
	return nil
}

// Value is the effective value at a key of Spegel's chart, nil if it is not set, and where it comes from.
func (r *Release) Value(key string) (value any, from Origin, known bool) {
	path := r.input.Path(key)
	if value, _ = certainty.At(r.input.Values, path); !certainty.IsKnown(value) {
		return nil, from, false
	}
	from, _ = r.origin(path)
	return value, from, true
}
