package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Files is a certificate that somebody else keeps in files, as the kubelet does with a Secret. They are polled: a
// node whose inotify watches are used up must not cost the webhook its certificate. Make one with OpenFiles.
type Files struct {
	crt, key string
	log      *slog.Logger
	served   atomic.Pointer[tls.Certificate]
	read     [2][]byte // what was read last; Watch alone uses it
	said     string
}

// OpenFiles reads tls.crt and tls.key of a folder. The error says which file is wrong.
func OpenFiles(dir string, log *slog.Logger) (*Files, error) {
	f := &Files{crt: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key"), log: log}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// Served is the last pair that was good.
func (f *Files) Served() *tls.Certificate { return f.served.Load() }

// Watch reads the files every interval until the context ends. A pair that does not fit is said once, and the last good
// one stays.
func (f *Files) Watch(ctx context.Context, interval time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
		said := ""
		if err := f.load(); err != nil {
			said = err.Error()
		}
		if said != f.said && said != "" {
			f.log.Error("certificate refused, the last good one stays in use", "error", said)
		}
		f.said = said
	}
}

func (f *Files) load() error {
	wrap := func(err error) error { return fmt.Errorf("certificate %s with key %s: %w", f.crt, f.key, err) }
	crt, err := os.ReadFile(f.crt)
	if err != nil {
		return wrap(err)
	}
	key, err := os.ReadFile(f.key)
	if err != nil {
		return wrap(err)
	}
	if f.Served() != nil && bytes.Equal(crt, f.read[0]) && bytes.Equal(key, f.read[1]) {
		return nil
	}
	pair, err := tls.X509KeyPair(crt, key)
	if err != nil {
		return wrap(err)
	}
	f.served.Store(&pair)
	f.read = [2][]byte{crt, key}
	return nil
}
