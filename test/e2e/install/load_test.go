package install_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// policyOfTest is what the answers under load are judged by.
const policyOfTest = "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries: [registry.example.ts.net]\n"

// badValues is a ConfigMap that releases take their values from.
const badValues = `apiVersion: v1
kind: ConfigMap
metadata: {name: spegel-bad-values, namespace: default}
data: {values.yaml: "spegel: {mirroredRegistries: []}"}
`

// helmRelease returns a release of Spegel's chart with these values: fields of its spec.
func helmRelease(t *testing.T, name, values string) *unstructured.Unstructured {
	t.Helper()
	object := new(unstructured.Unstructured)
	manifest := "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: " + name + ", namespace: default}\n" +
		"spec: {interval: 1h, chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: charts}}}, " + values + "}\n"
	if err := yaml.UnmarshalStrict([]byte(manifest), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

// release is what the clients send in turn, and whether the webhook has to refuse it.
type release struct {
	values string
	bad    bool
	write  bool // no dry run: what a ConfigMap holds is refused when the release is written
}

var releases = []release{
	{`values: {spegel: {mirroredRegistries: ["https://docker.io"]}}`, false, false},
	{`values: {spegel: {registries: ["https://docker.io"]}}`, true, false},
	{`values: {spegel: {mirroredRegistries: ["https://docker.io", "https://ghcr.io"]}}`, false, false},
	{`values: {spegel: {mirroredRegistries: ["https://registry.example.ts.net"]}}`, true, false}, // only the policy knows
	{`valuesFrom: [{kind: ConfigMap, name: spegel-bad-values}]`, true, true},                     // admitted if it is not read to the end
}

func (r release) dryRun() []string {
	if r.write {
		return nil
	}
	return []string{metav1.DryRunAll}
}

// pause is what a client waits after each answer, so that the machine has time for the others.
const pause = 40 * time.Millisecond

// load is clients that call the API server again and again, and check every answer.
type load struct {
	api    client.Client
	stored *unstructured.Unstructured
	ctx    context.Context //nolint:containedctx // it ends the clients
	wg     sync.WaitGroup

	mu       sync.Mutex
	starting *phase   // of calls that begin now
	counting *phase   // of answers that come now: what was in flight when a fault came counts for the fault
	phases   []*phase // those that have a name
}

// phase counts the calls that were answered in it. flying is how many of those that began in it are not.
type phase struct {
	name                        string
	began, ended                time.Time
	sent, failed, wrong, flying int
	slowest                     time.Duration
	samples                     []string // what the first failures said
}

// startLoad stores a release for the clients to change, and starts them.
func startLoad(t *testing.T, clients int) *load {
	t.Helper()
	l := &load{api: newClient(t), stored: helmRelease(t, "spegel", releases[0].values)}
	if err := l.api.Create(t.Context(), l.stored); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.api.Delete(context.WithoutCancel(t.Context()), l.stored) })
	l.starting = new(phase)
	l.counting = l.starting
	ctx, stop := context.WithCancel(t.Context())
	l.ctx = ctx
	t.Cleanup(func() {
		stop()
		l.wg.Wait()
	})
	l.add(t, clients)
	return l
}

// add starts more clients. Their calls create releases and change the stored one, as server-side dry runs or to be refused.
func (l *load) add(t *testing.T, clients int) {
	t.Helper()
	for n := range clients {
		var objects []*unstructured.Unstructured
		for _, r := range releases {
			update := l.stored.DeepCopy()
			update.Object["spec"] = helmRelease(t, "spegel", r.values).Object["spec"]
			objects = append(objects, helmRelease(t, fmt.Sprintf("spegel-%d", n), r.values), update)
		}
		l.wg.Go(func() {
			for i := n; l.ctx.Err() == nil; i++ {
				i := i % len(objects)
				l.call(objects[i].DeepCopy(), releases[i/2])
				time.Sleep(pause)
			}
		})
	}
}

// newClient has no limit of its own.
func newClient(t *testing.T) client.Client {
	t.Helper()
	config := shared.Config()
	config.WarningHandler = rest.NoWarnings{}
	api, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// call sends one release and counts the answer. It outlives the load's context: a call that was begun is answered.
func (l *load) call(object *unstructured.Unstructured, r release) {
	l.mu.Lock()
	first := l.starting
	first.flying++
	l.mu.Unlock()
	began := time.Now()
	var err error
	if object.GetUID() == "" {
		err = l.api.Create(context.Background(), object, &client.CreateOptions{DryRun: r.dryRun()})
	} else {
		err = l.api.Update(context.Background(), object, &client.UpdateOptions{DryRun: r.dryRun()})
	}
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	first.flying--
	p := l.counting
	p.sent++
	p.slowest = max(p.slowest, took)
	refused := apierrors.IsForbidden(err) && strings.Contains(err.Error(), "denied the request")
	switch {
	case err != nil && !refused:
		p.failed++
		if len(p.samples) < 3 {
			p.samples = append(p.samples, fmt.Sprintf("after %s: %v", took.Round(time.Millisecond), err))
		}
	case refused != r.bad:
		p.wrong++
	}
}

// begin starts a phase.
func (l *load) begin(name string) *phase {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &phase{name: name, began: time.Now()}
	l.starting, l.counting = p, p
	l.phases = append(l.phases, p)
	return p
}

// end waits until all calls that began in the phase are answered, and returns its numbers.
func (l *load) end(t *testing.T, p *phase) phase {
	t.Helper()
	l.mu.Lock()
	l.starting = new(phase)
	l.mu.Unlock()
	eventually(t, "all calls of phase "+p.name+" are answered", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if p.flying == 0 {
			l.counting, p.ended = l.starting, time.Now()
		}
		return p.flying == 0
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.wrong > 0 {
		t.Errorf("%s: %d wrong answers", p.name, p.wrong)
	}
	return *p
}

// table returns the phases that have ended, one a line.
func (l *load) table() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out strings.Builder
	fmt.Fprintf(&out, "%-22s %8s %8s %8s %8s %8s %10s\n", "phase", "seconds", "calls/s", "sent", "failed", "wrong", "slowest")
	for _, p := range l.phases {
		if seconds := p.ended.Sub(p.began).Seconds(); seconds > 0 {
			fmt.Fprintf(&out, "%-22s %8.1f %8.0f %8d %8d %8d %10s\n", p.name, seconds, float64(p.sent)/seconds, p.sent, p.failed, p.wrong,
				p.slowest.Round(time.Millisecond))
		}
	}
	return out.String()
}
