package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Files is a certificate that somebody else keeps in files, as the kubelet does with a Secret. They are polled: a
// node whose inotify watches are used up must not cost the webhook its certificate. Its fields are set before first use.
type Files struct {
	Dir string // of tls.crt and tls.key
	// Client reads the ValidatingWebhookConfiguration of that name; nil is for whoever has no API server to ask.
	Client        client.Reader
	Configuration string

	served atomic.Pointer[tls.Certificate]
	read   [2][]byte // what was read last
}

// Served is the last pair that was good.
func (f *Files) Served() *tls.Certificate { return f.served.Load() }

// Sync loads the files, and returns the configuration, for Monitor.Look. One that is not there or may not be read is nil, and no
// error: then nothing is known of it. While a pair does not fit, the last good one stays, and that is the error.
func (f *Files) Sync(ctx context.Context) (config *admissionregistrationv1.ValidatingWebhookConfiguration, err error) {
	if f.Client != nil {
		config, err = readConfiguration(ctx, f.Client, f.Configuration)
		if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			err = nil
		}
	}
	return config, errors.Join(err, f.Load())
}

// Load reads the files. The error says which is wrong.
func (f *Files) Load() error {
	name := [2]string{filepath.Join(f.Dir, "tls.crt"), filepath.Join(f.Dir, "tls.key")}
	crt, err := os.ReadFile(name[0])
	key, errKey := os.ReadFile(name[1])
	if err = errors.Join(err, errKey); err == nil && (f.Served() == nil || !bytes.Equal(crt, f.read[0]) || !bytes.Equal(key, f.read[1])) {
		var pair tls.Certificate
		if pair, err = tls.X509KeyPair(crt, key); err == nil {
			f.served.Store(&pair)
			f.read = [2][]byte{crt, key}
		}
	}
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", name[0], name[1], err)
	}
	return nil
}
