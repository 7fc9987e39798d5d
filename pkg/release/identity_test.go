package release

import (
	"errors"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

const (
	upstream = "oci://ghcr.io/spegel-org/helm-charts/spegel"
	notKnown = ", so whether it is Spegel's chart is not known"
)

func ociRepository(ns, name, url string, ref *sourcev1.OCIRepositoryRef) *sourcev1.OCIRepository {
	return &sourcev1.OCIRepository{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: sourcev1.OCIRepositorySpec{URL: url, Reference: ref},
	}
}

func helmChart(ns, name, chart, version string) *sourcev1.HelmChart {
	return &sourcev1.HelmChart{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: sourcev1.HelmChartSpec{Chart: chart, Version: version},
	}
}

// chartRef makes a release refer to a source; the namespace may be empty.
func chartRef(hr *helmv2.HelmRelease, kind, ns, name string) {
	hr.Spec.Chart = nil
	hr.Spec.ChartRef = &helmv2.CrossNamespaceSourceReference{Kind: kind, Namespace: ns, Name: name}
}

func TestSpecChartTellsWhoseReleaseItIs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		chart  string
		kind   string // of the source
		charts []string
		hrName string // spegel if empty; else values and name show nothing of Spegel
		yes    bool
	}{
		"a name":                               {chart: "spegel", yes: true},
		"a path":                               {chart: "./charts/spegel", yes: true},
		"a path that ends in a slash":          {chart: "charts/spegel/", yes: true},
		"a path that ends in slashes":          {chart: "charts/spegel//", yes: true},
		"a URL":                                {chart: upstream, yes: true},
		"another chart":                        {chart: "podinfo"},
		"a chart with a longer name":           {chart: "my-spegel"},
		"a chart in a folder of that name":     {chart: "spegel/podinfo"},
		"another case":                         {chart: "Spegel"},
		"a path that ends in a dot":            {chart: "charts/spegel/.", hrName: "app", yes: true},
		"a path that ends in /./":              {chart: "charts/spegel/.//./", hrName: "app", yes: true},
		"a path that goes back to the chart":   {chart: "charts/spegel/templates/..", hrName: "app", yes: true},
		"a packaged chart":                     {chart: "charts/spegel-0.7.4.tgz", hrName: "app", yes: true},
		"a packaged pre-release":               {chart: "spegel-v0.1.0-rc.1+a.tgz", hrName: "app", yes: true},
		"another packaged chart":               {chart: "charts/spegel-operator-1.0.0.tgz", kind: "GitRepository"},
		"another chart in a folder":            {chart: "charts/spegel-dashboards", kind: "GitRepository"},
		"another chart with a number":          {chart: "charts/spegel-2-x-1.0.0.tgz", kind: "Bucket"},
		"another chart by a roundabout way":    {chart: "spegel/../podinfo/.", kind: "GitRepository"},
		"dots, by name":                        {chart: ".", kind: "GitRepository", yes: true},
		"dots and slashes, by name":            {chart: "./../", kind: "Bucket", yes: true},
		"slashes alone, by name":               {chart: "//", yes: true},
		"a way back, by name":                  {chart: "charts/spegel/..", kind: "GitRepository", yes: true},
		"dots, by nothing":                     {chart: "./", kind: "GitRepository", hrName: "app"},
		"a way back, by nothing":               {chart: "charts/spegel/..", kind: "GitRepository", hrName: "app"},
		"a folder called by a version":         {chart: "charts/spegel/0.7.4", kind: "GitRepository", yes: true},
		"below the chart's folder, by name":    {chart: "./infra/spegel/helm", kind: "GitRepository", yes: true},
		"below the chart's folder, first":      {chart: "spegel/chart", kind: "Bucket", yes: true},
		"below the chart's folder, a package":  {chart: "spegel/helm-1.0.0.tgz", kind: "Bucket", yes: true},
		"below the chart's folder, by nothing": {chart: "./infra/spegel/helm", kind: "GitRepository", hrName: "app"},
		"below a folder of the URL's chart":    {chart: "charts/spegel/chart", kind: "Bucket", charts: []string{upstream + "/"}, yes: true},
		"below another policy's chart":         {chart: "charts/spegel/chart", kind: "Bucket", charts: []string{"mirror"}},
		"below a folder with a longer name":    {chart: "my-spegel/chart", kind: "GitRepository"},
		"beside the chart's folder":            {chart: "charts/spegel/../podinfo", kind: "GitRepository"},
		"below a folder in a HelmRepository":   {chart: "charts/spegel/chart", kind: "HelmRepository"},
		"a file of some name, by name":         {chart: "charts/latest.tgz", kind: "Bucket", yes: true},
		"a file of some name, by nothing":      {chart: "charts/latest.tgz", kind: "Bucket", hrName: "app"},
		"some name in a HelmRepository":        {chart: "spegel.x", kind: "HelmRepository"},
		"a name of the policy":                 {chart: "mirror", charts: []string{"spegel", "mirror"}, yes: true},
		"a name that the policy leaves out":    {chart: "spegel", charts: []string{"mirror"}},
		"no chart is Spegel's":                 {chart: "spegel", charts: []string{}},
		"the URL of the policy":                {chart: upstream, charts: []string{upstream}, yes: true},
		"the URL of the policy, with a slash":  {chart: upstream, charts: []string{upstream + "/"}, yes: true},
		"a URL with a slash":                   {chart: upstream + "/", charts: []string{upstream}, yes: true},
		"another URL than that of the policy":  {chart: "oci://ghcr.io/fork/spegel", charts: []string{upstream}},
		"a name where the policy has a URL":    {chart: "spegel", charts: []string{upstream}, yes: true},
		"a path where the policy has a URL":    {chart: "./spegel", charts: []string{upstream}, yes: true},
		"a URL that the policy has among some": {chart: upstream, charts: []string{"https://example.com/mirror", upstream}, yes: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.charts == nil {
				tc.charts = []string{"spegel"}
			}
			hr := helmRelease(t, "spegel: {mirroredRegistries: []}") // by name and values it is always Spegel's
			if tc.hrName != "" {
				hr = helmRelease(t, "")
				hr.Name = tc.hrName
			} else {
				tc.hrName = "spegel"
			}
			hr.Spec.Chart.Spec.Chart = tc.chart
			if tc.kind != "" {
				hr.Spec.Chart.Spec.SourceRef = &helmv2.CrossNamespaceObjectReference{Kind: tc.kind}
			}
			version := "0.7.4"
			if ofFiles(tc.kind) {
				version = ""
			}
			rel := Resolve(t.Context(), hr, Options{Charts: tc.charts})
			if got := rel != nil; got != tc.yes {
				t.Fatalf("Spegel's: %t, want %t", got, tc.yes)
			}
			if rel != nil && (rel.Chart != tc.chart || rel.Version != version || rel.Name != tc.hrName || rel.Namespace != namespace) {
				t.Errorf("got %+v", rel)
			}
		})
	}
}

func TestChartRefTellsWhoseReleaseItIs(t *testing.T) {
	t.Parallel()
	oci, chart := sourcev1.OCIRepositoryKind, sourcev1.HelmChartKind
	tests := map[string]struct {
		kind, ns, name string
		charts         []string
		inline         string // none of Spegel's keys if empty
		hrName         string // "app" if empty
		releaseName    string
		failing        string
		want           string // chart@version; "no" if it is not Spegel's, or why that is not known
	}{
		"an OCIRepository of Spegel's chart":                {kind: oci, name: "oci", want: upstream + "@0.7.4"},
		"an OCIRepository with a range":                     {kind: oci, name: "range", want: upstream + "@>=0.1.0"},
		"an OCIRepository without a version":                {kind: oci, name: "bare", want: upstream + "/@"},
		"an OCIRepository in another namespace":             {kind: oci, ns: "flux-system", name: "shared", want: upstream + "@"},
		"an OCIRepository that is in another namespace":     {kind: oci, name: "shared", want: "no"},
		"an OCIRepository of another chart":                 {kind: oci, name: "other", hrName: "spegel", inline: "spegel: {registries: []}", want: "no"},
		"an OCIRepository named spegel, of another chart":   {kind: oci, name: "spegel", hrName: "spegel", want: "no"},
		"a fork, where the policy has a URL":                {kind: oci, name: "fork", hrName: "spegel", charts: []string{upstream}, want: "no"},
		"the chart, where the policy has its URL":           {kind: oci, name: "oci", charts: []string{upstream}, want: upstream + "@0.7.4"},
		"a HelmChart of Spegel's chart":                     {kind: chart, name: "chart", want: "spegel@0.x"},
		"a HelmChart with a path":                           {kind: chart, name: "path", want: "./charts/spegel@"},
		"a HelmChart with a path to nowhere, by name":       {kind: chart, name: "root", hrName: "spegel", want: ".@"},
		"a HelmChart with a path to nowhere, by nothing":    {kind: chart, name: "root", want: "no"},
		"a HelmChart of a package":                          {kind: chart, name: "package", want: "charts/spegel-0.7.4.tgz@"},
		"a HelmChart of a file of some name, by name":       {kind: chart, name: "file", hrName: "spegel", want: "charts/latest.tgz@"},
		"a HelmChart below the chart's folder, by name":     {kind: chart, name: "below", hrName: "spegel", want: "charts/spegel/chart@"},
		"a HelmChart below the chart's folder, by nothing":  {kind: chart, name: "below", want: "no"},
		"a HelmChart of another chart":                      {kind: chart, name: "other", hrName: "spegel", want: "no"},
		"a HelmChart where the policy has a URL":            {kind: chart, name: "chart", charts: []string{upstream}, want: "spegel@0.x"},
		"a missing source, release named otherwise":         {kind: oci, name: "gone", want: "no"},
		"a missing source named like the chart":             {kind: chart, name: "spegel", want: "@"},
		"a missing source, object named like the chart":     {kind: oci, name: "gone", hrName: "spegel", want: "@"},
		"a missing source, release named like the chart":    {kind: oci, name: "gone", releaseName: "spegel", want: "@"},
		"a missing source, named like the URL's chart":      {kind: oci, name: "gone", hrName: "spegel", charts: []string{upstream}, want: "@"},
		"a missing source, a map with a key of Spegel's":    {kind: oci, name: "gone", inline: "spegel: {containerdSock: /x}", want: "@"},
		"a missing source, a map with a null key":           {kind: oci, name: "gone", inline: "spegel: {mirroredRegistries: null}", want: "@"},
		"a missing source, a map with another's keys":       {kind: oci, name: "gone", inline: "spegel: {enabled: true}", want: "no"},
		"a missing source, and spegel is no map":            {kind: oci, name: "gone", inline: "spegel: true", want: "no"},
		"a missing source, and the values are no map":       {kind: oci, name: "gone", inline: "[spegel]", want: "no"},
		"a source that may not be read, by name":            {kind: oci, name: "other", hrName: "spegel", failing: "OCIRepository kube-system/other", want: "@"},
		"a source that may not be read, by values":          {kind: chart, name: "other", inline: "spegel: {appendMirrors: 1}", failing: "HelmChart kube-system/other", want: "@"},
		"a source that may not be read, by nothing":         {kind: chart, name: "chart", failing: "HelmChart kube-system/chart", want: "no"},
		"a source without a URL, by name":                   {kind: oci, name: "empty", hrName: "spegel", want: "@"},
		"a HelmChart without a chart, by name":              {kind: chart, name: "empty", hrName: "spegel", want: "@"},
		"a missing source, a longer name":                   {kind: oci, name: "gone", hrName: "spegel-mirror", inline: "spegel: {enabled: true}", want: "OCIRepository kube-system/gone: not found" + notKnown},
		"a missing source with a longer name":               {kind: oci, ns: "flux-system", name: "my-spegel", want: "OCIRepository flux-system/my-spegel: not found" + notKnown},
		"a missing source, a longer release name":           {kind: chart, name: "gone", releaseName: "spegel2", want: "HelmChart kube-system/gone: not found" + notKnown},
		"a missing source, a longer name and a key":         {kind: oci, name: "gone", hrName: "spegel-mirror", inline: "spegel: {containerdSock: /x}", want: "@"},
		"a longer name with another chart":                  {kind: oci, name: "other", hrName: "spegel-mirror", want: "no"},
		"a longer name with Spegel's chart":                 {kind: oci, name: "oci", hrName: "spegel-mirror", want: upstream + "@0.7.4"},
		"a longer name, and the source may not be read":     {kind: oci, name: "other", hrName: "spegel-mirror", failing: "OCIRepository kube-system/other", want: "OCIRepository kube-system/other: could not be read" + notKnown},
		"a longer name, and a URL that is none":             {kind: oci, name: "nourl", hrName: "spegel-mirror", want: "OCIRepository kube-system/nourl: its URL is not the oci:// URL of a chart" + notKnown},
		"a longer name, and a HelmChart with a path":        {kind: chart, name: "root", hrName: "spegel-mirror", want: "HelmChart kube-system/root: the path of the chart does not name it" + notKnown},
		"a longer name, and an ExternalArtifact":            {kind: "ExternalArtifact", name: "a", hrName: "spegel-mirror", want: "ExternalArtifact kube-system/a: it does not say which chart it holds" + notKnown},
		"a longer name than the URL's chart":                {kind: oci, name: "gone", hrName: "spegel-mirror", charts: []string{upstream + "/"}, want: "OCIRepository kube-system/gone: not found" + notKnown},
		"a source whose name is TrueCharts'":                {kind: oci, name: "truecharts-spegel", hrName: "spegel", inline: "spegel: {registries: []}", want: "no"},
		"a source whose URL is TrueCharts'":                 {kind: oci, name: "true", hrName: "spegel", inline: "spegel: {registries: []}", want: "no"},
		"a HelmChart from TrueCharts":                       {kind: chart, name: "true", hrName: "spegel", inline: "spegel: {registries: []}", want: "no"},
		"an ExternalArtifact, which names no chart":         {kind: "ExternalArtifact", name: "artifact", want: "no"},
		"an ExternalArtifact named like the chart":          {kind: "ExternalArtifact", name: "spegel", want: "@"},
		"an ExternalArtifact, a map with a key of Spegel's": {kind: "ExternalArtifact", name: "artifact", inline: "spegel: {resolveTags: true}", want: "@"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := helmChart(namespace, "file", "charts/latest.tgz", "")
			file.Spec.SourceRef.Kind = sourcev1.GitRepositoryKind
			below := helmChart(namespace, "below", "charts/spegel/chart", "")
			below.Spec.SourceRef.Kind = sourcev1.BucketKind
			fromTrueCharts := helmChart(namespace, "true", "spegel", "")
			fromTrueCharts.Spec.SourceRef.Name = "truecharts"
			c := newCluster(
				ociRepository(namespace, "oci", upstream, &sourcev1.OCIRepositoryRef{Tag: "0.7.4"}),
				ociRepository(namespace, "range", upstream, &sourcev1.OCIRepositoryRef{Tag: "0.0.1", SemVer: ">=0.1.0"}),
				ociRepository(namespace, "bare", upstream+"/", nil),
				ociRepository("flux-system", "shared", upstream, nil),
				ociRepository(namespace, "other", "oci://ghcr.io/stefanprodan/charts/podinfo", nil),
				ociRepository(namespace, "spegel", "oci://ghcr.io/stefanprodan/charts/podinfo", nil),
				ociRepository(namespace, "fork", "oci://ghcr.io/fork/spegel", nil),
				ociRepository(namespace, "empty", "", nil),
				ociRepository(namespace, "nourl", "oci://spegel", nil),
				ociRepository(namespace, "truecharts-spegel", upstream, nil),
				ociRepository(namespace, "true", "oci://oci.trueforge.org/truecharts/spegel", nil),
				helmChart(namespace, "chart", "spegel", "0.x"),
				helmChart(namespace, "path", "./charts/spegel", ""),
				helmChart(namespace, "other", "podinfo", ""),
				helmChart(namespace, "empty", "", ""),
				helmChart(namespace, "root", ".", ""),
				helmChart(namespace, "package", "charts/spegel-0.7.4.tgz", ""),
				file, below, fromTrueCharts,
			)
			c.fail[tc.failing] = errors.New("no")
			hr := helmRelease(t, tc.inline)
			chartRef(hr, tc.kind, tc.ns, tc.name)
			hr.Name, hr.Spec.ReleaseName = "app", tc.releaseName
			if tc.hrName != "" {
				hr.Name = tc.hrName
			}
			if tc.charts == nil {
				tc.charts = []string{"spegel"}
			}
			got := "no"
			if rel := Resolve(t.Context(), hr, Options{Charts: tc.charts, Reader: c}); rel != nil {
				got = rel.Chart + "@" + rel.Version
				for _, ref := range rel.Evaluate(validate.Policy{}).Unresolved {
					if ref.Source {
						got = ref.Kind + " " + ref.Namespace + "/" + ref.Name + ": " + ref.Reason
					}
				}
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReleaseWithoutChartIsKnownByNameOrValues(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		name, inline string
		yes          bool
	}{
		"by nothing": {name: "app"},
		"by name":    {name: "spegel", yes: true},
		"by values":  {name: "app", inline: "spegel: {registries: []}", yes: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hr := helmRelease(t, tc.inline)
			hr.Name, hr.Spec.Chart = tc.name, nil
			if got := Resolve(t.Context(), hr, Options{Charts: []string{"spegel"}}) != nil; got != tc.yes {
				t.Errorf("got %t, want %t", got, tc.yes)
			}
		})
	}
}
