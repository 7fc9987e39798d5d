package manifests_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Called means that the release waits for a replica of the webhook, and is refused while there is none.
func TestMatchConditionsCallTheWebhookFor(t *testing.T) {
	t.Parallel()
	byDefault := compile(webhook(t, render(t, ".")))
	all := compile(webhook(t, render(t, "base", "match-all")))

	tests := map[string]struct {
		release string
		called  bool
		never   bool // not even with components/match-all
	}{
		"a release that is called spegel": {
			release: `{metadata: {name: spegel}, spec: {chartRef: {name: app}}}`,
			called:  true,
		},
		"a release with spegel in its name": {
			release: `{metadata: {name: infra-spegel-eu}, spec: {chartRef: {name: app}}}`,
			called:  true,
		},
		"a release that installs as spegel": {
			release: `{metadata: {name: mirror}, spec: {releaseName: spegel, chartRef: {name: app}}}`,
			called:  true,
		},
		"a chart that is called spegel": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: spegel}}}}`,
			called:  true,
		},
		"a chart by its URL": {
			release: `{metadata: {name: p2p}, spec: {chart: {kind: OCIRepository, spec: {url: "oci://ghcr.io/spegel-org/helm-charts/spegel"}}}}`,
			called:  true,
		},
		"another chart by its URL": {
			release: `{metadata: {name: podinfo}, spec: {chart: {kind: OCIRepository, spec: {url: "oci://ghcr.io/stefanprodan/charts/podinfo"}}}}`,
		},
		"a chart in a folder of a Git repository": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: ./charts/spegel}}}}`,
			called:  true,
		},
		"a chart by a path that ends elsewhere": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: charts/spegel/templates/..}}}}`,
			called:  true,
		},
		"a chart below a folder that is called spegel": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: ./infra/spegel/helm}}}}`,
			called:  true,
		},
		"a packaged chart": {
			release: `{metadata: {name: mirror}, spec: {chart: {spec: {chart: charts/spegel-0.7.4.tgz}}}}`,
			called:  true,
		},
		"a chart by a path that names none, in a release that is called spegel": {
			release: `{metadata: {name: spegel}, spec: {chart: {spec: {chart: .}}}}`,
			called:  true,
		},
		"a chart by a path that names none, and nothing of spegel": {
			release: `{metadata: {name: podinfo}, spec: {chart: {spec: {chart: .}}}}`,
		},
		"a chartRef that is called spegel": {
			release: `{metadata: {name: mirror}, spec: {chartRef: {name: spegel}}}`,
			called:  true,
		},
		"values with a spegel key": {
			release: `{metadata: {name: mirror}, spec: {chartRef: {name: app}, values: {spegel: {registries: []}}}}`,
			called:  true,
		},
		"values with a spegel key that holds nothing": {
			release: `{metadata: {name: mirror}, spec: {chartRef: {name: app}, values: {spegel: null}}}`,
			called:  true,
		},
		"a chartRef with values from elsewhere": {
			release: `{metadata: {name: mirror}, spec: {chartRef: {name: app}, valuesFrom: [{kind: ConfigMap, name: v}]}}`,
			called:  true,
		},
		"a suspended release of spegel": {
			release: `{metadata: {name: spegel}, spec: {suspend: true, chart: {spec: {chart: spegel}}}}`,
			called:  true,
		},
		"a release of spegel without a name yet": {
			release: `{metadata: {generateName: a-}, spec: {chart: {spec: {chart: spegel}}}}`,
			called:  true,
		},
		"a release that is called spegel and has no spec": {
			release: `{metadata: {name: spegel}}`,
			called:  true,
		},
		"another chart's release": {
			release: `{metadata: {name: podinfo}, spec: {chart: {spec: {chart: podinfo}}, values: {registries: [a]}}}`,
		},
		"another chart's release with values from elsewhere": {
			release: `{metadata: {name: podinfo}, spec: {chart: {spec: {chart: podinfo}}, valuesFrom: [{kind: ConfigMap, name: v}]}}`,
		},
		"another chart's release by chartRef": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}}}`,
		},
		"another chart's release by chartRef with an empty list of values from elsewhere": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, valuesFrom: []}}`,
		},
		"another chart's release with spegel deep in its values": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: {ui: {spegel: spegel}}}}`,
		},
		"another chart's release without a name yet": {
			release: `{metadata: {generateName: podinfo-}, spec: {chartRef: {name: podinfo}}}`,
		},
		"another chart's release without a spec": {
			release: `{metadata: {name: podinfo}}`,
		},
		"values that are a string": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: "spegel: {}"}}`,
		},
		"values that are a list": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: [spegel]}}`,
		},
		"values that are a number": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: 1.5}}`,
		},
		"values that are null": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: null}}`,
		},
		"another chart's release with a megabyte of values": {
			release: `{metadata: {name: podinfo}, spec: {chartRef: {name: podinfo}, values: {a: ` + strings.Repeat("x", 1<<20) + `}}}`,
		},
		"a release of spegel that is being deleted": {
			release: `{metadata: {name: spegel, deletionTimestamp: "2026-01-01T00:00:00Z"}, spec: {chart: {spec: {chart: spegel}}}}`,
			never:   true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var object map[string]any
			if err := yaml.Unmarshal([]byte(test.release), &object); err != nil {
				t.Fatal(err)
			}
			if got := match(t.Context(), byDefault, object); got.Error != nil || got.Matches != test.called {
				t.Errorf("called %v (error %v), want %v", got.Matches, got.Error, test.called)
			}
			if got := match(t.Context(), all, object); got.Error != nil || got.Matches == test.never {
				t.Errorf("with match-all called %v (error %v), want %v", got.Matches, got.Error, !test.never)
			}
		})
	}
}
