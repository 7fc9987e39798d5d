package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/certificate"
)

// certificateOptions say where the serving certificate comes from, and who is to trust it.
type certificateOptions struct {
	certDir       string
	selfSigned    bool
	namespace     string
	secret        string
	dnsName       string
	configuration string
	overlap       time.Duration
	checkInterval time.Duration
}

// addCertificateFlags has the names of the manifests for defaults. The hidden flags are for tests that can't
// wait for months.
func (o *certificateOptions) addCertificateFlags(f *pflag.FlagSet) {
	namespace := os.Getenv("POD_NAMESPACE")
	if namespace == "" {
		namespace = "spegel-guard"
	}
	f.StringVar(&o.certDir, "cert-dir", "/tls", "folder with tls.crt and tls.key; reloaded when they change")
	f.BoolVar(&o.selfSigned, "self-signed", false, "make and rotate a CA and a certificate, and set the caBundle, in place of --cert-dir")
	f.StringVar(&o.namespace, "namespace", namespace, "namespace of the Secret of --self-signed and of the Service; $POD_NAMESPACE sets the default")
	f.StringVar(&o.secret, "self-signed-secret", "spegel-guard-self-signed", "Secret for the certificates of --self-signed; it must exist, empty at first")
	f.StringVar(&o.dnsName, "self-signed-dns-name", "", "name that the API server calls, for --self-signed; default is spegel-guard.NAMESPACE.svc")
	f.StringVar(&o.configuration, "webhook-configuration", "spegel-guard", "ValidatingWebhookConfiguration that must trust the certificate")
	f.DurationVar(&o.overlap, "self-signed-overlap", certificate.Overlap, "how long a new CA of --self-signed is trusted before it signs")
	f.DurationVar(&o.checkInterval, "certificate-check-interval", 10*time.Second, "how often certificate and caBundle are looked at")
	for _, hidden := range []string{"self-signed-overlap", "certificate-check-interval"} {
		_ = f.MarkHidden(hidden) // it is there
	}
}

func (o *certificateOptions) checkCertificateFlags(certDirGiven bool) error {
	if o.checkInterval <= 0 {
		return fmt.Errorf("--certificate-check-interval %s: want more than 0s", o.checkInterval)
	}
	if !o.selfSigned {
		return nil
	}
	if certDirGiven {
		return errors.New("--self-signed and --cert-dir exclude each other: one makes the certificate, the other reads it from files")
	}
	if o.dnsName == "" {
		o.dnsName = "spegel-guard." + o.namespace + ".svc"
	}
	return nil
}

// newMonitor prepares the certificate: the one of the files, which must be good already, or one of the
// program's own.
func (o *certificateOptions) newMonitor(api client.Client, logger *slog.Logger) (*certificate.Monitor, error) {
	if o.selfSigned {
		if api == nil {
			return nil, errors.New("--self-signed keeps its certificate in the cluster: outside of one, it needs --kubeconfig")
		}
		own := &certificate.SelfSigned{
			Client: api, Secret: client.ObjectKey{Namespace: o.namespace, Name: o.secret}, Configuration: o.configuration,
			DNSName: o.dnsName, Overlap: o.overlap, Log: logger,
		}
		return &certificate.Monitor{Served: own.Served, Look: own.Sync, Log: logger}, nil
	}
	files := &certificate.Files{Dir: o.certDir, Client: api, Configuration: o.configuration}
	return &certificate.Monitor{Served: files.Served, Look: files.Sync, Log: logger}, files.Load()
}
