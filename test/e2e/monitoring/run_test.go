// Package monitoring_test runs what components/monitoring gives to Prometheus and Grafana: every alert and every query
// of the dashboard, by Prometheus' own engine, on metrics that the real webhook and the real API server served while
// things happened to them. It has a control plane of its own, because what others do to theirs would show in its metrics.
//
// Between two events the test lets hours pass in which nothing happens: it scrapes once and says that each further
// scrape had the same result.
package monitoring_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

const (
	// interval is how often Prometheus scrapes and evaluates.
	interval = time.Minute
	// seldom is how often it scrapes where days pass: still within what the engine looks back for a sample.
	seldom = 4 * time.Minute
)

// run is a control plane, replicas of the webhook, and what Prometheus has seen of them so far.
type run struct {
	cluster  *cluster.Cluster
	replicas []*cluster.Webhook // a nil one is a pod that is gone: it is no target any more
	spare    *cluster.Webhook   // one more, stopped
	labels   map[string]string  // what the ServiceMonitor gives to every replica
	doctor   *scrape            // of a pod of components/node-doctor; nil for none
	now      time.Time
	start    time.Time
	scrapes  []scrape
	expected []expectation
}

// pass scrapes all targets and lets time pass.
func (r *run) pass(t *testing.T, d time.Duration) {
	t.Helper()
	var times []float64
	step := interval
	if d > quiet {
		step = seldom
	}
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(step)
		times = append(times, seconds(r.now))
	}
	r.scrapes = append(r.scrapes, r.apiServer(t, times))
	for i, w := range r.replicas {
		if w == nil {
			continue
		}
		s := scrape{Times: times, Labels: map[string]string{
			"instance": strings.TrimPrefix(w.MetricsURL(), "http://"), "pod": fmt.Sprintf("spegel-guard-%d", i),
		}}
		maps.Copy(s.Labels, r.labels)
		var err error
		if s.Text, err = get(t, w.MetricsURL()+"/metrics"); err != nil {
			s.Down = true
		}
		r.scrapes = append(r.scrapes, s)
	}
	if r.doctor != nil {
		s := *r.doctor
		s.Times = times
		r.scrapes = append(r.scrapes, s)
	}
}

// apiServer keeps what the API server says of webhooks. The rest is megabytes.
func (r *run) apiServer(t *testing.T, times []float64) scrape {
	t.Helper()
	client, err := kubernetes.NewForConfig(r.cluster.Config())
	if err != nil {
		t.Fatal(err)
	}
	all, err := client.RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for line := range strings.Lines(string(all)) {
		if strings.HasPrefix(line, "apiserver_admission_webhook_") {
			text.WriteString(line)
		}
	}
	return scrape{Times: times, Text: text.String(), Labels: map[string]string{
		"job": "apiserver", "namespace": "default", "service": "kubernetes", "endpoint": "https", "instance": r.cluster.Config().Host,
	}}
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return string(text), err
}

// apply has kubectl apply a HelmRelease with these values or references, and checks what comes of it: the answer
// contains want.
func (r *run) apply(t *testing.T, name, spec, want string) {
	t.Helper()
	release := "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: " + name + ", namespace: default}\nspec:\n" +
		"  interval: 1h\n  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}\n" + spec
	result, err := r.cluster.KubectlInput(t.Context(), strings.NewReader(release), "apply", "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(result.Output, want) {
		t.Fatalf("want %q:\n%s", want, result.Output)
	}
}

// touch has a release reviewed once more.
func (r *run) touch(t *testing.T, name string) {
	t.Helper()
	r.kubectl(t, "annotate", "--overwrite", "helmrelease", name, fmt.Sprintf("touched=%d", r.now.Unix()))
}

// kubectl returns what it prints.
func (r *run) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	result, err := r.cluster.Kubectl(t.Context(), args...)
	if err != nil || result.ExitCode != 0 {
		t.Fatal(err, result.Output)
	}
	return result.Output
}

// eventually polls for up to a minute.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	clustertest.Eventually(t, time.Minute, what, ok)
}

func seconds(at time.Time) float64 { return float64(at.Unix()) }
