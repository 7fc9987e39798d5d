package manifests_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Fails closed means that the release waits for a replica of the webhook, and is refused while there is none.
func TestMatchConditionsCallTheWebhookFor(t *testing.T) {
	t.Parallel()
	byDefault, all := render(t, "."), render(t, "base", "match-all")

	tests := map[string]struct {
		release, old string
		called       string // the entry
		all          string // with components/match-all
	}{
		"a release that is called spegel": {
			release: `{metadata: {name: spegel}, spec: {chartRef: {name: app}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a release with spegel in its name": {
			release: `{metadata: {name: infra-spegel-eu}, spec: {chartRef: {name: app}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a release that installs as spegel": {
			release: `{metadata: {name: mirror}, spec: {releaseName: spegel, chartRef: {name: app}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a chart that is called spegel": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: spegel}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a chart in a folder of a Git repository": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: ./charts/spegel}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a chart by a path that ends elsewhere": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: charts/spegel/templates/..}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a chart below a folder that is called spegel": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: ./infra/spegel/helm}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a packaged chart": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: charts/spegel-0.7.4.tgz}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a chart by a path that names none, in a release that is called spegel": {
			release: `{metadata: {name: spegel}, spec: {chart: {spec: {chart: .}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a chart by a path that names none, and nothing of spegel": {
			release: `{metadata: {name: podinfo}, spec: {chart: {spec: {chart: .}}}}`,
			all:     failsClosed,
		},
		"a chartRef that is called spegel": {
			release: `{metadata: {name: mirror}, spec: {chartRef: {name: spegel}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"values with a spegel key": {
			release: `{metadata: {name: mirror}, spec: {chartRef: {name: app}, values: {spegel: {registries: []}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"values with a spegel key that holds nothing": {
			release: `{metadata: {name: mirror}, spec: {chartRef: {name: app}, values: {spegel: null}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a chartRef with values from elsewhere": {
			release: `{metadata: {name: mirror}, spec: {chartRef: {name: app}, valuesFrom: [{kind: ConfigMap, name: v}]}}`,
			called:  bestEffort, all: failsClosed,
		},
		"a suspended release of spegel": {
			release: `{metadata: {name: spegel}, spec: {suspend: true, chart: {spec: {chart: spegel}}}}`,
			called:  bestEffort, all: bestEffort,
		},
		"a release of spegel without a name yet": {
			release: `{metadata: {generateName: a-}, spec: {chart: {spec: {chart: spegel}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a release that is called spegel and has no spec": {
			release: `{metadata: {name: spegel}}`,
			called:  failsClosed, all: failsClosed,
		},
		"another chart's release": {
			release: `{metadata: {name: podinfo}, spec: {chart: {spec: {chart: podinfo}}, values: {registries: [a]}}}`,
			all:     failsClosed,
		},
		"another chart's release with values from elsewhere": {
			release: `{metadata: {name: podinfo}, spec: {chart: {spec: {chart: podinfo}}, valuesFrom: [{kind: ConfigMap, name: v}]}}`,
			all:     failsClosed,
		},
		"another chart's release by chartRef": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}}}`,
			all:     failsClosed,
		},
		"another chart's release by chartRef with an empty list of values from elsewhere": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, valuesFrom: []}}`,
			all:     failsClosed,
		},
		"another chart's release with spegel deep in its values": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: {ui: {spegel: spegel}}}}`,
			all:     failsClosed,
		},
		"another chart's release without a name yet": {
			release: `{metadata: {generateName: podinfo-}, spec: {chartRef: {name: podinfo}}}`,
			all:     failsClosed,
		},
		"another chart's release without a spec": {
			release: `{metadata: {name: podinfo}}`,
			all:     failsClosed,
		},
		"values that are a string": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: "spegel: {}"}}`,
			all:     failsClosed,
		},
		"values that are a list": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: [spegel]}}`,
			all:     failsClosed,
		},
		"values that are a number": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: 1.5}}`,
			all:     failsClosed,
		},
		"values that are null": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: null}}`,
			all:     failsClosed,
		},
		"another chart's release with a megabyte of values": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: {a: ` + strings.Repeat("x", 1<<20) + `}}}`,
			all:     failsClosed,
		},
		"a release of spegel that is being deleted": {
			release: `{metadata: {name: spegel, deletionTimestamp: "2026-01-01T00:00:00Z"}, spec: {chart: {spec: {chart: spegel}}}}`,
		},
		"a chart by its URL": {
			release: `{metadata: {name: mirror}, spec: {chart: {kind: OCIRepository, spec: {url: "oci://ghcr.io/spegel-org/helm-charts/spegel"}}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"another chart by its URL": {
			release: `{metadata: {name: podinfo}, spec: {chart: {kind: OCIRepository, spec: {url: "oci://ghcr.io/stefanprodan/charts/podinfo"}}}}`,
			all:     failsClosed,
		},
		"a change of the values of spegel": {
			release: `{metadata: {name: spegel}, spec: {values: {a: 1}}}`,
			old:     `{metadata: {name: spegel}, spec: {values: {a: 2}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a change deep in the values of spegel": {
			release: `{metadata: {name: spegel}, spec: {values: {a: [{b: [1, null]}]}}}`,
			old:     `{metadata: {name: spegel}, spec: {values: {a: [{b: [1, 0]}]}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a change of the interval of spegel": {
			release: `{metadata: {name: spegel}, spec: {interval: 1h}}`,
			old:     `{metadata: {name: spegel}, spec: {interval: 2h}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a release of spegel that loses its spec": {
			release: `{metadata: {name: spegel}}`,
			old:     `{metadata: {name: spegel}, spec: {interval: 1h}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a release of spegel that gains a spec": {
			release: `{metadata: {name: spegel}, spec: {interval: 1h}}`,
			old:     `{metadata: {name: spegel}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a label on spegel": {
			release: `{metadata: {name: spegel, labels: {a: b}}, spec: {chart: {spec: {chart: spegel}}, values: {a: [{b: [1, null]}]}}}`,
			old:     `{metadata: {name: spegel}, spec: {chart: {spec: {chart: spegel}}, values: {a: [{b: [1, null]}]}}}`,
			called:  bestEffort, all: bestEffort,
		},
		"a finalizer that comes off spegel": {
			release: `{metadata: {name: spegel}, spec: {chartRef: {name: app}}}`,
			old:     `{metadata: {name: spegel, finalizers: [finalizers.fluxcd.io]}, spec: {chartRef: {name: app}}}`,
			called:  bestEffort, all: bestEffort,
		},
		"spegel that is suspended, with another change": {
			release: `{metadata: {name: spegel}, spec: {suspend: true, values: {a: 1}}}`,
			old:     `{metadata: {name: spegel}, spec: {values: {a: 2}}}`,
			called:  bestEffort, all: bestEffort,
		},
		"spegel that is resumed": {
			release: `{metadata: {name: spegel}, spec: {suspend: false, values: {a: 1}}}`,
			old:     `{metadata: {name: spegel}, spec: {suspend: true, values: {a: 1}}}`,
			called:  failsClosed, all: failsClosed,
		},
		"a label on a release that could be spegel's": {
			release: `{metadata: {name: app, labels: {a: b}}, spec: {chartRef: {name: app}, valuesFrom: [{kind: ConfigMap, name: v}]}}`,
			old:     `{metadata: {name: app}, spec: {chartRef: {name: app}, valuesFrom: [{kind: ConfigMap, name: v}]}}`,
			called:  bestEffort, all: bestEffort,
		},
		"a label on another chart's release": {
			release: `{metadata: {name: podinfo, labels: {a: b}}, spec: {chart: {spec: {chart: podinfo}}}}`,
			old:     `{metadata: {name: podinfo}, spec: {chart: {spec: {chart: podinfo}}}}`,
			all:     bestEffort,
		},
		"another chart's release that is suspended": {
			release: `{metadata: {name: podinfo}, spec: {suspend: true, chart: {spec: {chart: podinfo}}}}`,
			old:     `{metadata: {name: podinfo}, spec: {chart: {spec: {chart: podinfo}}}}`,
			all:     bestEffort,
		},
		"an update of a release of spegel that is being deleted": {
			release: `{metadata: {name: spegel, deletionTimestamp: "2026-01-01T00:00:00Z"}, spec: {values: {a: 1}}}`,
			old:     `{metadata: {name: spegel}, spec: {values: {a: 2}}}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := callers(t, byDefault, test.release, test.old); got != test.called {
				t.Errorf("called by %q, want %q", got, test.called)
			}
			if got := callers(t, all, test.release, test.old); got != test.all {
				t.Errorf("with match-all called by %q, want %q", got, test.all)
			}
		})
	}
}

// callers names the entries that call for a HelmRelease. Two at once would be one review too many.
func callers(t *testing.T, in install, release, old string) string {
	t.Helper()
	var called []string
	for _, name := range []string{failsClosed, bestEffort} {
		got := match(t.Context(), compile(entry(t, in, name)), object(t, release), object(t, old))
		if got.Error != nil {
			t.Error(got.Error)
		}
		if got.Matches {
			called = append(called, name)
		}
	}
	return strings.Join(called, " ")
}

// object is YAML as the API server has it; nothing is nil.
func object(t testing.TB, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}
