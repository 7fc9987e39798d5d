package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

type configuration = admissionregistrationv1.ValidatingWebhookConfiguration

// issue makes a CA and a certificate for a.b.svc that is valid from now on for a while.
func issue(t *testing.T, now time.Time, life time.Duration) (cert *tls.Certificate, ca []byte) {
	t.Helper()
	makes := authority{dnsName: "a.b.svc", ca: 10 * life, certificate: life}
	s, err := makes.advance(now, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(s[keyCert], s[keyCertKey])
	if err != nil {
		t.Fatal(err)
	}
	return &pair, s[keyCA]
}

func trusting(service string, bundle []byte) *configuration {
	return &configuration{Webhooks: []admissionregistrationv1.ValidatingWebhook{{
		Name: "w", ClientConfig: admissionregistrationv1.WebhookClientConfig{
			Service: &admissionregistrationv1.ServiceReference{Name: service, Namespace: "b"}, CABundle: bundle,
		},
	}}}
}

func TestReady(t *testing.T) {
	t.Parallel()
	now := time.Now()
	good, ca := issue(t, now, time.Hour)
	expired, oldCA := issue(t, now.Add(-2*time.Hour), time.Hour)
	future, _ := issue(t, now.Add(3*time.Hour), time.Hour)
	_, otherCA := issue(t, now, time.Hour)
	byURL := trusting("a", nil)
	byURL.Webhooks[0].ClientConfig.Service, byURL.Webhooks[0].ClientConfig.URL = nil, new("https://a.b.svc:1/x")
	gone := apierrors.NewNotFound(schema.GroupResource{}, "w")

	tests := map[string]struct {
		cert   *tls.Certificate
		config *configuration
		err    error
		want   string
	}{
		"trusted":                             {cert: good, config: trusting("a", ca)},
		"trusted beside others":               {cert: good, config: trusting("a", append(otherCA, ca...))},
		"no certificate":                      {config: trusting("a", ca), want: "no certificate yet"},
		"expired":                             {cert: expired, config: trusting("a", oldCA), want: "has expired"},
		"not valid yet":                       {cert: future, want: "is not valid before"},
		"another CA is trusted":               {cert: good, config: trusting("a", otherCA), want: "unknown authority"},
		"no CA is trusted":                    {cert: good, config: trusting("a", nil), want: "unknown authority"},
		"no CA is named for a public address": {cert: good, config: byURL},
		"another name is called":              {cert: good, config: trusting("c", ca), want: "not c.b.svc"},
		"there is no configuration":           {cert: good, err: gone},
		"the API server does not answer":      {cert: good, err: errors.New("connection refused")},
		"it may not be read":                  {cert: good},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &Monitor{
				Served: func() *tls.Certificate { return test.cert },
				Look:   func(context.Context) (*configuration, error) { return test.config, test.err },
				Log:    slog.New(slog.DiscardHandler),
			}
			if test.cert != nil && test.want == "" && m.Ready() == nil {
				t.Error("ready before the first look")
			}
			_ = m.look(t.Context())
			switch err := m.Ready(); {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v; want %q", err, test.want)
			}
		})
	}
}

// A webhook that fails open and is not trusted, as one is that an upgrade has just added, does not take the one along that fails
// closed. Metrics and log say so.
func TestReadyWithoutTheTrustOfOneThatFailsOpen(t *testing.T) {
	t.Parallel()
	cert, ca := issue(t, time.Now(), time.Hour)
	config := trusting("a", ca)
	open := trusting("a", nil).Webhooks[0]
	open.FailurePolicy = new(admissionregistrationv1.Ignore)
	config.Webhooks = append(config.Webhooks, open)
	var log strings.Builder
	m := &Monitor{
		Served: func() *tls.Certificate { return cert },
		Look:   func(context.Context) (*configuration, error) { return config, nil },
		Log:    slog.New(slog.NewTextHandler(io.Writer(&log), nil)),
	}
	registry := prometheus.NewRegistry()
	m.Register(registry)
	m.log(m.look(t.Context()))
	if err := m.Ready(); err != nil {
		t.Error(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "spegel_guard_certificate_accepted" && family.GetMetric()[0].GetGauge().GetValue() != 0 {
			t.Error("the metric says that it is accepted for all")
		}
	}
	if !strings.Contains(log.String(), "not accepted for a webhook that fails open") {
		t.Errorf("the log does not say so:\n%s", log.String())
	}
}

// What is known stays known while the API server is away, in both directions.
func TestLastKnownStateStays(t *testing.T) {
	t.Parallel()
	cert, ca := issue(t, time.Now(), time.Hour)
	_, otherCA := issue(t, time.Now(), time.Hour)
	for name, test := range map[string]struct {
		bundle []byte
		ready  bool
	}{"trusted": {ca, true}, "not trusted": {otherCA, false}} {
		config, err := trusting("a", test.bundle), error(nil)
		m := &Monitor{
			Served: func() *tls.Certificate { return cert },
			Look:   func(context.Context) (*configuration, error) { return config, err },
			Log:    slog.New(slog.DiscardHandler),
		}
		_ = m.look(t.Context())
		config, err = nil, errors.New("connection refused")
		_ = m.look(t.Context())
		if ready := m.Ready() == nil; ready != test.ready {
			t.Errorf("%s: ready is %t", name, ready)
		}
	}
}

// A look that hangs is cut off, and readiness does not wait for it.
func TestReadinessDoesNotWait(t *testing.T) {
	t.Parallel()
	cert, _ := issue(t, time.Now(), time.Hour)
	var looks atomic.Int32
	m := &Monitor{
		Served: func() *tls.Certificate { return cert },
		Look: func(ctx context.Context) (*configuration, error) {
			looks.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		},
		Log: slog.New(slog.DiscardHandler),
	}
	go m.Run(t.Context(), time.Minute)
	for m.Ready() != nil { // the test's own time-out is the bound
		time.Sleep(10 * time.Millisecond)
	}
	if looks.Load() == 0 {
		t.Error("ready without a look")
	}
}

// The end is announced once, and its coming too.
func TestLogTellsOncePerState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, logTellsOncePerState)
}

func logTellsOncePerState(t *testing.T) {
	cert, _ := issue(t, time.Now(), 3*time.Second) // dated back by an hour, so near its end at once
	var log strings.Builder
	nothing := func(context.Context) (*configuration, error) { return nil, nil }
	m := &Monitor{Served: func() *tls.Certificate { return cert }, Look: nothing, Log: slog.New(slog.NewTextHandler(io.Writer(&log), nil))}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	m.Run(ctx, 50*time.Millisecond)
	for _, want := range []string{"certificate near its end", "certificate not accepted, readiness fails"} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%q stands there %d times:\n%s", want, n, log.String())
		}
	}
	if m.Ready() == nil {
		t.Error("ready with an expired certificate")
	}
}
