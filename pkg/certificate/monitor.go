package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	// lookTimeout bounds one look at the API server.
	lookTimeout = 3 * time.Second
	// soon is how long until the next look where the last one found something to wait for.
	soon = time.Second
	// nearEnd is the part of its life from which on a certificate is near its end. Whoever renews it is late by
	// then: cert-manager and SelfSigned renew when a third is left.
	nearEnd = 10
)

// Monitor reports whether the certificate that is served is one that the API server accepts. Its fields are set
// before first use. What it knows of the API server it learns in Run, so to ask it costs no call.
type Monitor struct {
	// Served is the certificate in use; nil for none yet.
	Served func() *tls.Certificate
	// Look keeps it fresh and returns the ValidatingWebhookConfiguration, or nil if there is none.
	Look func(context.Context) (*admissionregistrationv1.ValidatingWebhookConfiguration, error)
	Log  *slog.Logger

	looked atomic.Bool
	trust  atomic.Pointer[trust] // nil: not known, which is no reason to be unready

	saidState, saidError string // what was logged last; Run alone uses them
}

// Ready returns nil if the certificate is valid now and, as far as is known, trusted for every webhook that fails closed. A
// webhook that fails open must not take these along: after an upgrade that adds one, its caBundle may be late.
func (m *Monitor) Ready() error { return m.accepted(false) }

// accepted is Ready, for all webhooks or for those that fail closed.
func (m *Monitor) accepted(all bool) error {
	now := time.Now()
	cert := m.Served()
	switch {
	case cert == nil:
		return errors.New("there is no certificate yet")
	case now.Before(cert.Leaf.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s", cert.Leaf.NotBefore.Format(time.RFC3339))
	case now.After(cert.Leaf.NotAfter):
		return fmt.Errorf("the certificate has expired at %s", cert.Leaf.NotAfter.Format(time.RFC3339))
	case !m.looked.Load():
		return errors.New("the webhook configuration has not been looked at yet")
	}
	if t := m.trust.Load(); t != nil {
		return t.verify(cert, now, all)
	}
	return nil
}

// Register adds the metrics: the certificate's end, which is NaN while there is no certificate, and whether the API server
// would accept it for every webhook.
func (m *Monitor) Register(reg prometheus.Registerer) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spegel_guard_certificate_expiry_timestamp_seconds",
		Help: "When the certificate that is served expires, in seconds since 1970.",
	}, func() float64 {
		if cert := m.Served(); cert != nil {
			return float64(cert.Leaf.NotAfter.Unix())
		}
		return math.NaN()
	}))
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spegel_guard_certificate_accepted",
		Help: "1 while the certificate that is served is valid and, as far as is known, trusted for every webhook, else 0.",
	}, func() float64 {
		if m.accepted(true) != nil {
			return 0
		}
		return 1
	}))
}

// Run looks every interval, more often while there is something to wait for, until the context ends.
func (m *Monitor) Run(ctx context.Context, interval time.Duration) {
	for {
		err := m.look(ctx)
		if ctx.Err() != nil {
			return
		}
		m.log(err)
		wait := interval
		if err != nil || m.accepted(true) != nil {
			wait = min(soon, interval)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// look asks once. Where the answer is no, the last one stays: an API server that is down must not take the
// guard along. Where there is nothing to read, or no right to, nothing is known.
func (m *Monitor) look(ctx context.Context) error {
	defer m.looked.Store(true)
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	config, err := m.Look(ctx)
	switch {
	case config != nil:
		t := trustOf(config)
		m.trust.Store(&t)
	case err == nil || apierrors.IsNotFound(err):
		m.trust.Store(nil)
	}
	return err
}

// log says once what has changed.
func (m *Monitor) log(err error) {
	said := ""
	if err != nil {
		said = err.Error()
	}
	if said != m.saidError {
		m.saidError = said
		if err != nil {
			m.Log.Warn("webhook configuration or certificate not looked after, the last known state stays", "error", err)
		}
	}
	cert := m.Served()
	if cert == nil {
		return
	}
	state, level, args := "certificate in use", slog.LevelInfo, []any{"notAfter", cert.Leaf.NotAfter.UTC().Format(time.RFC3339)}
	if err := m.Ready(); err != nil {
		state, level, args = "certificate not accepted, readiness fails", slog.LevelError, append(args, "error", err)
	} else if err := m.accepted(true); err != nil {
		state, level, args = "certificate not accepted for a webhook that fails open", slog.LevelWarn, append(args, "error", err)
	} else if left := time.Until(cert.Leaf.NotAfter); left < cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore)/nearEnd {
		state, level = "certificate near its end", slog.LevelWarn
	}
	if now := fmt.Sprint(state, args); now != m.saidState {
		m.saidState = now
		m.Log.Log(context.Background(), level, state, args...) //nolint:sloglint // one of the three above
	}
}
