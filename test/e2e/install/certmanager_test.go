package install_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// TestCertManager installs the default install where cert-manager runs: nobody but cert-manager and cainjector touches
// certificates, Secret and caBundle. Then it renews the certificate under load, as "cmctl renew" does.
func TestCertManager(t *testing.T) {
	certManager, err := shared.StartCertManager()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(certManager.Logs())
		}
		_ = certManager.Stop()
	})
	install(t, "manifests")
	for _, object := range []string{"issuer/spegel-guard-selfsigned", "issuer/spegel-guard-ca", "certificate/spegel-guard-ca", "certificate/spegel-guard-tls"} {
		accepted(t, kubectl(t, "-n", service, "wait", "--for=condition=Ready", object, "--timeout=60s"))
	}
	bundle := injectedBundle(t)
	secret := readSecret(t)

	var replicas []*cluster.Webhook
	for range 2 {
		replicas = append(replicas, start(t, secret, policyOfTest))
	}
	balancer := balance(t, replicas...)
	waitRefused(t)
	const good, bad = "test/e2e/testdata/good.yaml", "test/e2e/testdata/bad.yaml"
	accepted(t, kubectl(t, "apply", "--dry-run=server", "-f", good))
	if r := kubectl(t, "apply", "--dry-run=server", "-f", bad); r.ExitCode == 0 || !strings.Contains(r.Output, "denied the request") {
		t.Errorf("%s: status %d:\n%s", bad, r.ExitCode, r.Output)
	}

	l := startLoad(t, 4)
	defer func() { t.Logf("4 clients, then 20, 2 replicas\n%s", l.table()) }()
	p := l.begin("renewal")
	renewed := renew(t, secret)
	projected := time.Now()
	var before int
	for _, w := range replicas {
		if err := cluster.Project(w.CertDir(), renewed); err != nil {
			t.Fatal(err)
		}
		waitServed(t, w, renewed["tls.crt"])
		before += opened(balancer, w)
	}
	t.Logf("both replicas serve the new certificate %s after its files came", time.Since(projected).Round(time.Millisecond))
	l.add(t, 16) // more than there are connections, so that the API server meets the new certificate
	eventually(t, "the API server opens new connections", func() bool {
		return opened(balancer, replicas...) > before
	})
	if got := l.end(t, p); got.failed > 0 || got.sent == 0 {
		t.Errorf("%d of %d calls failed during the renewal:\n%q", got.failed, got.sent, got.samples)
	}
	if after := injectedBundle(t); !bytes.Equal(keyOf(t, bundle), keyOf(t, after)) {
		t.Errorf("the renewal of a certificate changed the authority from\n%s\nto\n%s", bundle, after)
	}
}

// renew does to the serving certificate what "cmctl renew" does, and returns the Secret once it is another one.
func renew(t *testing.T, secret map[string][]byte) (renewed map[string][]byte) {
	t.Helper()
	accepted(t, kubectl(t, "-n", service, "patch", "certificate", "spegel-guard-tls", "--subresource=status", "--type=json", "-p",
		`[{"op": "add", "path": "/status/conditions/-", "value": {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
		"message": "renewal by a test", "lastTransitionTime": "`+time.Now().UTC().Format(time.RFC3339)+`"}}]`))
	eventually(t, "cert-manager renews the certificate", func() bool {
		renewed = readSecret(t)
		return !bytes.Equal(renewed["tls.crt"], secret["tls.crt"])
	})
	return renewed
}

// readSecret returns what cert-manager has put into the Secret that the Deployment mounts.
func readSecret(t *testing.T) map[string][]byte {
	t.Helper()
	var secret corev1.Secret
	get(t, client.ObjectKey{Namespace: service, Name: "spegel-guard-tls"}, &secret)
	return secret.Data
}

// injectedBundle returns the authority in the Secret once cainjector has set the caBundle of every entry to it. On a busy machine
// cert-manager may issue the CA twice, and cainjector keep the first certificate of it; its key, which is what is trusted, stays.
func injectedBundle(t *testing.T) (bundle []byte) {
	t.Helper()
	eventually(t, "cainjector writes the caBundle", func() bool {
		var configuration admissionregistrationv1.ValidatingWebhookConfiguration
		get(t, client.ObjectKey{Name: service}, &configuration)
		bundle = bytes.TrimSpace(readSecret(t)["ca.crt"])
		return len(bundle) > 0 && !slices.ContainsFunc(configuration.Webhooks, func(w admissionregistrationv1.ValidatingWebhook) bool {
			injected := bytes.TrimSpace(w.ClientConfig.CABundle)
			return len(injected) == 0 || !bytes.Equal(keyOf(t, bundle), keyOf(t, injected))
		})
	})
	return bundle
}

// keyOf returns the public key of an authority.
func keyOf(t *testing.T, bundle []byte) []byte {
	t.Helper()
	block, rest := pem.Decode(bundle)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		t.Fatalf("want one certificate:\n%s", bundle)
	}
	authority, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return authority.RawSubjectPublicKeyInfo
}

func get(t *testing.T, key client.ObjectKey, object client.Object) {
	t.Helper()
	if err := newClient(t).Get(t.Context(), key, object); err != nil {
		t.Fatal(err)
	}
}

// opened counts the connections that replicas were ever given.
func opened(b *cluster.Balancer, replicas ...*cluster.Webhook) (n int) {
	for _, w := range replicas {
		_, opened := b.Connections(w)
		n += opened
	}
	return n
}
