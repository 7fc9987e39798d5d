package admission

import (
	"slices"
	"strconv"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
)

// Metrics count what the webhook does. No label holds a name or a value out of an object.
type Metrics struct {
	reviews       *prometheus.CounterVec
	findings      *prometheus.CounterVec
	unresolved    *prometheus.CounterVec
	badRequests   prometheus.Counter
	turnedAway    prometheus.Counter
	policyReloads *prometheus.CounterVec
	policyRefused prometheus.Gauge
	latency       prometheus.Histogram
}

// NewMetrics registers the metrics. policySince tells when the policy in force was loaded.
func NewMetrics(reg prometheus.Registerer, policySince func() time.Time) *Metrics {
	m := &Metrics{
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spegel_guard_reviews_total", Help: "Reviews by kind of object, operation, verdict and dry-run.",
		}, []string{"kind", "operation", "verdict", "dry_run"}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spegel_guard_findings_total", Help: "Findings by rule and severity.",
		}, []string{"rule", "severity"}),
		unresolved: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spegel_guard_unresolved_references_total", Help: "References that could not be read and could have changed a finding, by kind.",
		}, []string{"kind"}),
		badRequests: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "spegel_guard_bad_requests_total", Help: "Requests that were not an AdmissionReview.",
		}),
		turnedAway: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "spegel_guard_turned_away_total", Help: "Requests answered with 429 because too many reviews were under way.",
		}),
		policyReloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spegel_guard_policy_reloads_total", Help: "New versions of the policy file by result, loaded or refused.",
		}, []string{"result"}),
		policyRefused: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "spegel_guard_policy_refused", Help: "1 while the current policy file is refused and an older version is in force, else 0.",
		}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "spegel_guard_review_duration_seconds", Help: "Time from a decoded review to its verdict.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spegel_guard_policy_age_seconds", Help: "Time since the policy in force was loaded.",
	}, func() float64 { return time.Since(policySince()).Seconds() })
	reg.MustRegister(m.reviews, m.findings, m.unresolved, m.badRequests, m.turnedAway, m.policyReloads, m.policyRefused, m.latency, age)
	m.showFromTheStart()
	return m
}

// showFromTheStart has what alerts count there at 0: a counter that appears with its first event has, for Prometheus, not
// increased.
func (m *Metrics) showFromTheStart() {
	for _, result := range []string{resultLoaded, resultRefused} {
		m.policyReloads.WithLabelValues(result)
	}
	for _, k := range []string{helmv2.HelmReleaseKind, kindConfigMap, kindSecret, kindDaemonSet} {
		for _, op := range []admissionv1.Operation{admissionv1.Create, admissionv1.Update} {
			for _, dryRun := range []string{"true", "false"} {
				m.reviews.WithLabelValues(k, string(op), string(denied), dryRun)
				if k == kindConfigMap || k == kindSecret {
					m.reviews.WithLabelValues(k, string(op), string(notJudged), dryRun)
				}
			}
		}
	}
	for _, k := range []string{kindConfigMap, kindSecret, kindOther} {
		m.unresolved.WithLabelValues(k)
	}
}

// TurnedAway counts a request that was answered with 429.
func (m *Metrics) TurnedAway() { m.turnedAway.Inc() }

const (
	resultLoaded  = "loaded"
	resultRefused = "refused"
)

// PolicyReloaded counts a new version of the policy file; err says why it was refused, if it was.
func (m *Metrics) PolicyReloaded(err error) {
	result, refused := resultLoaded, 0.0
	if err != nil {
		result, refused = resultRefused, 1
	}
	m.policyRefused.Set(refused)
	m.policyReloads.WithLabelValues(result).Inc()
}

func (m *Metrics) reviewed(req *admissionv1.AdmissionRequest, v verdict, took time.Duration) {
	m.reviews.WithLabelValues(kind(req.Kind.Kind), operation(req.Operation), string(v), strconv.FormatBool(isDryRun(req))).Inc()
	m.latency.Observe(took.Seconds())
}

func (m *Metrics) found(l line) {
	if l.Rule == ruleUnresolved {
		m.unresolved.WithLabelValues(kind(l.kind)).Inc()
	} else {
		m.findings.WithLabelValues(l.Rule, string(l.Severity)).Inc()
	}
}

const (
	kindConfigMap = "ConfigMap"
	kindSecret    = "Secret"
	kindDaemonSet = "DaemonSet"
	kindOther     = "other"
)

// kind and operation keep what a client may choose out of the labels.
func kind(k string) string {
	return oneOf(k, helmv2.HelmReleaseKind, kindConfigMap, kindSecret, kindDaemonSet)
}

func operation(op admissionv1.Operation) string {
	return oneOf(string(op), "CREATE", "UPDATE", "DELETE", "CONNECT")
}

func oneOf(label string, known ...string) string {
	if slices.Contains(known, label) {
		return label
	}
	return kindOther
}
