package monitoring_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

const (
	goodPolicy = "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries: [harbor.example.com]\n"
	badPolicy  = "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries: [https://harbor.example.com]\n"

	goodValues = "  values: {spegel: {mirroredRegistries: [https://docker.io]}}\n"
	badValues  = "  values: {spegel: {registries: [https://docker.io]}}\n"
	missingRef = "  valuesFrom: [{kind: ConfigMap, name: not-there}]\n"

	quiet = 5 * time.Hour  // until each alert has ended, except for what keeps coming back day after day
	days  = 54 * time.Hour // longer than any alert looks back
)

// TestAlertsAndDashboard does to two replicas what the alerts are for, one thing after the other. After each, exactly
// the alerts that belong to it fire, and once it is over none does. In the end the dashboard shows all of it.
func TestAlertsAndDashboard(t *testing.T) {
	t.Parallel()
	c := load(t)
	r := begin(t, c.target)
	r.pass(t, quiet) // what it took to start is forgotten
	r.expect(t, c, "all is well")

	r.apply(t, "spegel", goodValues, "created")
	r.pass(t, 10*time.Minute)
	r.expect(t, c, "a good release was applied")

	t.Run("a release is refused", func(t *testing.T) { r.refused(t, c) })
	t.Run("releases can't be listed", func(t *testing.T) { r.notJudged(t, c) })
	t.Run("a reference can't be read", func(t *testing.T) { r.unresolved(t, c) })
	t.Run("the policy has a mistake", func(t *testing.T) { r.policyRefused(t, c) })
	t.Run("the certificate is not renewed", func(t *testing.T) { r.certificateEnds(t, c) })
	t.Run("reviews are slow", func(t *testing.T) { r.slow(t, c) })
	t.Run("replicas go away", func(t *testing.T) { r.goneAway(t, c) })
	t.Run("a check fails on a node", func(t *testing.T) { r.nodeFails(t, c) })
	t.Run("nobody scrapes", func(t *testing.T) { r.gap(t, c) }) // all counters are there by now
	t.Run("the alerts fired when they had to", func(t *testing.T) { r.judge(t, c) })
	t.Run("the dashboard shows it", func(t *testing.T) { r.dashboard(t, c) })
}

// begin starts a control plane and two replicas, and prepares a third, all with one certificate.
func begin(t *testing.T, target map[string]string) *run {
	t.Helper()
	crd, err := cluster.HelmReleaseCRD()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{labels: target, now: time.Now().Truncate(time.Second)}
	r.start = r.now
	if r.cluster, err = cluster.Start(t.Context(), cluster.Options{CRDs: []string{crd}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	o := cluster.WebhookOptions{Policy: []byte(goodPolicy)}
	for range 3 {
		w, err := r.cluster.StartWebhook(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		r.replicas = append(r.replicas, w)
		o.TLS = certificateOf(t, r.replicas[0])
	}
	r.spare, r.replicas = r.replicas[2], r.replicas[:2]
	if err := r.spare.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := r.replicas[0].Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// expectation is which alerts fire at a time.
type expectation struct {
	when    string
	queries []query // one for each alert
	want    []string
}

// expect says which alerts fire now. What is scraped later changes nothing of that, so judge asks once for all.
func (r *run) expect(t *testing.T, c component, when string, want ...string) {
	t.Helper()
	queries := make([]query, len(c.alerts))
	for i, a := range c.alerts {
		queries[i] = query{
			Expr: a.Expr, Start: seconds(r.now.Add(-a.holds(t))), End: seconds(r.now), Step: interval.Seconds(), Templates: a.Annotations,
		}
	}
	r.expected = append(r.expected, expectation{when, queries, want})
}

// judge checks which alerts have fired, and when.
func (r *run) judge(t *testing.T, c component) {
	var all []query
	for _, e := range r.expected {
		all = append(all, e.queries...)
	}
	answers := r.ask(t, all)
	for n, e := range r.expected {
		var got []string
		for i, answer := range answers[n*len(c.alerts):][:len(c.alerts)] {
			steps := int(c.alerts[i].holds(t)/interval) + 1
			for _, s := range answer.Series {
				if len(s.Points) != steps {
					continue // not for long enough, or not all the time
				}
				got = append(got, c.alerts[i].Alert)
				for name, text := range s.Templates {
					if text == "" || strings.Contains(text, "<no value>") || strings.Contains(text, "  ") || strings.Contains(text, " /") {
						t.Errorf("%s: %s of %s reads %q", e.when, name, c.alerts[i].Alert, text)
					}
				}
			}
		}
		if diff := cmp.Diff(e.want, got); diff != "" {
			t.Errorf("%s: alerts that fire (-want +got):\n%s", e.when, diff)
		}
	}
}

func (r *run) refused(t *testing.T, c component) {
	r.apply(t, "spegel", badValues, "denied the request")
	r.pass(t, 5*time.Minute)
	r.expect(t, c, "a minute ago", "SpegelGuardDenies")
	r.pass(t, 2*time.Hour)
	r.expect(t, c, "two hours ago")
	r.apply(t, "spegel", badValues, "denied the request") // the counter is there already
	r.pass(t, 5*time.Minute)
	r.expect(t, c, "once more", "SpegelGuardDenies")
	r.pass(t, quiet)
}

func (r *run) notJudged(t *testing.T, c component) {
	listing := func(verb, want string) {
		t.Helper()
		patch := `[{"op":"test","path":"/rules/2/resources/0","value":"helmreleases"},{"op":"replace","path":"/rules/2/verbs/0","value":"` + verb + `"}]`
		r.kubectl(t, "patch", "clusterrole", "spegel-guard", "--type=json", "-p", patch)
		eventually(t, "the API server has taken note: "+want, func() bool {
			return strings.Contains(r.kubectl(t, "create", "configmap", "spegel-values", "--from-literal=a=b", "--dry-run=server"), want)
		})
	}
	listing("get", "Warning: not judged in full")
	r.pass(t, 5*time.Minute)
	r.expect(t, c, "it is not permitted", "SpegelGuardNotJudged")
	listing("list", "configmap/spegel-values created (server dry run)")
	r.pass(t, quiet)
	r.expect(t, c, "it is permitted again")
}

func (r *run) unresolved(t *testing.T, c component) {
	r.apply(t, "spegel-later", missingRef, "Warning: unresolved")
	for range 5 {
		r.pass(t, time.Hour)
		r.expect(t, c, "a single time, as in a first install")
	}
	for range 5 {
		r.touch(t, "spegel-later")
		r.pass(t, time.Hour)
	}
	r.expect(t, c, "every hour", "SpegelGuardUnresolved")
	r.pass(t, days)
	r.expect(t, c, "days later")
	for range 2 {
		r.touch(t, "spegel-later")
		r.pass(t, 12*time.Hour)
		r.expect(t, c, "the first day of a release that is reconciled twice a day")
	}
	for range 2 {
		r.touch(t, "spegel-later")
		r.pass(t, 12*time.Hour)
	}
	r.expect(t, c, "the second day", "SpegelGuardUnresolved")
	r.pass(t, days)
	r.expect(t, c, "fixed")
}

// gap has Prometheus miss hours, and then find all counters where they were.
func (r *run) gap(t *testing.T, c component) {
	for range 3 {
		r.now = r.now.Add(3 * time.Hour)
		r.pass(t, 2*time.Minute)
		r.expect(t, c, "after a gap")
	}
	r.pass(t, quiet)
	r.expect(t, c, "long after it")
}

func (r *run) policyRefused(t *testing.T, c component) {
	w := r.replicas[1]
	clustertest.SetPolicy(t, w, badPolicy)
	r.pass(t, time.Hour)
	r.expect(t, c, "an hour with a mistake", "SpegelGuardPolicyRefused")
	r.pass(t, 12*time.Hour)
	r.expect(t, c, "still there half a day later", "SpegelGuardPolicyRefused")
	clustertest.SetPolicy(t, w, goodPolicy)
	r.pass(t, 10*time.Minute)
	r.expect(t, c, "fixed")
}

func (r *run) certificateEnds(t *testing.T, c component) {
	const name = "spegel_guard_certificate_expiry_timestamp_seconds"
	ends := func() string { return metric(t, r.replicas[1], name) }
	before := ends()
	if before == "" {
		t.Fatalf("no metric %s", name)
	}
	if _, err := cluster.WriteCertificateFor(r.replicas[1].CertDir(), 13*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new certificate is in use", func() bool { return ends() != before })
	refused := func() bool { return metric(t, r.replicas[1], "spegel_guard_certificate_accepted") == "0" }
	eventually(t, "and not accepted: the caBundle has another", refused)
	r.pass(t, 30*time.Minute)
	r.expect(t, c, "13 days left", "SpegelGuardCertificateNearEnd", "SpegelGuardCertificateNotAccepted")
	if _, err := cluster.WriteCertificate(r.replicas[1].CertDir()); err != nil {
		t.Fatal(err)
	}
	short := ends()
	eventually(t, "a new one is in use", func() bool { return ends() != short && refused() })
	r.pass(t, 30*time.Minute)
	r.expect(t, c, "of another CA", "SpegelGuardCertificateNotAccepted")
	for name, data := range certificateOf(t, r.replicas[0]) {
		if err := os.WriteFile(filepath.Join(r.replicas[1].CertDir(), name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the old certificate is back", func() bool { return ends() == before && !refused() })
	r.pass(t, 30*time.Minute)
	r.expect(t, c, "renewed")
}

// goneAway stops one replica after the other, then deletes the pods, then starts one again.
func (r *run) goneAway(t *testing.T, c component) {
	stop := func(i int) {
		if err := r.replicas[i].Stop(); err != nil {
			t.Fatal(err)
		}
	}
	stop(1)
	r.pass(t, 20*time.Minute)
	r.expect(t, c, "one has stopped", "SpegelGuardReplicaDown")
	stop(0)
	r.pass(t, 20*time.Minute)
	r.expect(t, c, "both have stopped", "SpegelGuardDown", "SpegelGuardReplicaDown", "SpegelGuardReplicaDown")
	r.apply(t, "spegel", goodValues+"  timeout: 3m\n", "failed calling webhook")
	r.pass(t, 2*time.Minute)
	r.expect(t, c, "and the API server has noticed", "SpegelGuardDown", "SpegelGuardReplicaDown", "SpegelGuardReplicaDown", "SpegelGuardCallsFail")
	first := r.replicas[0]
	r.replicas[0], r.replicas[1] = nil, nil
	r.pass(t, 20*time.Minute)
	r.expect(t, c, "no pod is left", "SpegelGuardDown")
	r.apply(t, "spegel", goodValues+"  timeout: 3m\n", "failed calling webhook")
	r.pass(t, 2*time.Minute)
	r.expect(t, c, "and the API server tries again", "SpegelGuardDown", "SpegelGuardCallsFail")
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.replicas[0] = first
	r.apply(t, "spegel", goodValues+"  timeout: 3m\n", "configured")
	r.pass(t, 20*time.Minute)
	r.expect(t, c, "one is back")
}

// metric returns the value of a metric without labels; empty if there is none.
func metric(t *testing.T, w *cluster.Webhook, name string) string {
	t.Helper()
	text, _ := get(t, w.MetricsURL()+"/metrics")
	_, value, _ := strings.Cut(text, "\n"+name+" ")
	value, _, _ = strings.Cut(value, "\n")
	return value
}

// certificateOf is what a replica serves with, as a Secret has it.
func certificateOf(t *testing.T, w *cluster.Webhook) map[string][]byte {
	t.Helper()
	data := map[string][]byte{"tls.crt": nil, "tls.key": nil}
	for name := range data {
		text, err := os.ReadFile(filepath.Join(w.CertDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		data[name] = text
	}
	return data
}
