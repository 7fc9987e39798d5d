package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// SelfSigned makes and rotates a CA and a serving certificate, in one Secret that all replicas share, and has
// one ValidatingWebhookConfiguration trust them. Its fields are set before first use.
type SelfSigned struct {
	Client client.Client
	// Secret is there already, empty at first.
	Secret client.ObjectKey
	// Configuration is the name of the ValidatingWebhookConfiguration.
	Configuration string
	// DNSName is what the API server calls the webhook by.
	DNSName string
	Overlap time.Duration
	Log     *slog.Logger

	serving atomic.Pointer[tls.Certificate]
	last    state // as it was last known to be whole; Sync alone uses it
}

// Served is the certificate in use, nil before the first.
func (s *SelfSigned) Served() *tls.Certificate { return s.serving.Load() }

// Sync makes what is due, keeps it, has it trusted and then serves it, in this order. It returns the
// configuration as it is afterwards; without one it does the rest, and NotFound is the error. It must not run twice at the same time; other
// replicas may run it, and the one that comes second starts again from what the first one wrote.
//
// The configuration is read before the Secret: whoever reads an old Secret has read an old configuration,
// and then can't write it.
func (s *SelfSigned) Sync(ctx context.Context) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		config, err := s.sync(ctx)
		if err == nil || !apierrors.IsConflict(err) || attempt == attempts {
			return config, err
		}
	}
}

func (s *SelfSigned) sync(ctx context.Context) (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	config, missing := readConfiguration(ctx, s.Client, s.Configuration)
	if missing != nil && !apierrors.IsNotFound(missing) {
		return nil, missing
	}
	data, err := s.keep(ctx, config)
	if err != nil {
		return config, err
	}
	if config != nil && !same(caBundle(config), data.trusted()) {
		if err := s.inject(ctx, config, encode(data.trusted()...)); err != nil {
			return config, err
		}
	}
	if config != nil {
		if err := s.disown(ctx, config); err != nil {
			return config, err
		}
	}
	return config, errors.Join(missing, s.serve(data))
}

// keep brings the Secret up to date.
func (s *SelfSigned) keep(ctx context.Context, config *admissionregistrationv1.ValidatingWebhookConfiguration) (state, error) {
	var secret corev1.Secret
	if err := s.Client.Get(ctx, s.Secret, &secret); err != nil {
		return nil, fmt.Errorf("read Secret %s: %w", s.Secret, err)
	}
	now := time.Now()
	was := state(secret.Data)
	base := was
	if !was.whole(now) && s.last.whole(now) {
		s.Log.Warn("the Secret has lost its CA, so it is filled with what is in use", "secret", s.Secret.String())
		base = s.last
	}
	makes := authority{s.DNSName, caLife, certificateLife, s.Overlap}
	data, err := makes.advance(now, base, caBundle(config))
	if err != nil {
		return nil, err
	}
	if !data.equal(was) {
		secret.Data = maps.Clone(data)
		if err := s.Client.Update(ctx, &secret); err != nil {
			return nil, fmt.Errorf("write Secret %s: %w", s.Secret, err)
		}
		s.Log.Info("certificates written", "secret", s.Secret.String())
	}
	s.last = data
	return data, nil
}

// serve puts the certificate of a state in use.
func (s *SelfSigned) serve(data state) error {
	pair, err := tls.X509KeyPair(data[keyCert], data[keyCertKey])
	if err != nil {
		return errors.New("no certificate that can be served") // an error of the parser could tell something of the key
	}
	if old := s.serving.Load(); old == nil || !old.Leaf.Equal(pair.Leaf) {
		s.serving.Store(&pair)
	}
	return nil
}
