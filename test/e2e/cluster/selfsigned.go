package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// SelfSigned is an install with components/self-signed: replicas that make their own certificate.
type SelfSigned struct {
	Replicas []*Webhook
	// Objects are the Secret and the webhook configuration, as an operator applies them: without data and
	// without a caBundle. The configuration has its entries once for each replica, so each review goes to all of them.
	Objects []*unstructured.Unstructured
	// Kubeconfig is that of the replicas' service account.
	Kubeconfig string
}

// StartSelfSigned installs the manifests of o, which include components/self-signed, from nothing, and
// starts replicas with more arguments. It returns once all are ready, that is, once the API server trusts them.
func (c *Cluster) StartSelfSigned(ctx context.Context, o WebhookOptions, replicas int, args ...string) (*SelfSigned, error) {
	s := &SelfSigned{}
	for range replicas {
		w, err := c.newWebhook(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("prepare the webhook: %w", err)
		}
		w.Args = slices.DeleteFunc(w.Args, func(arg string) bool { return strings.HasPrefix(arg, "--cert-dir=") })
		w.Args = append(append(w.Args, "--self-signed-dns-name=localhost"), args...)
		s.Replicas = append(s.Replicas, w)
	}
	manifests := s.Replicas[0].manifests
	configuration, err := s.configuration(manifests)
	if err != nil {
		return nil, fmt.Errorf("prepare the webhook: %w", err)
	}
	s.Objects = append(slices.Clone(manifests.OfKind("Secret")), configuration)
	if err := c.Apply(ctx, s.Objects...); err != nil {
		return nil, err
	}
	for _, w := range s.Replicas {
		if err := w.Start(ctx); err != nil {
			return nil, err
		}
	}
	deployment, err := manifests.Deployment()
	if err != nil {
		return nil, err
	}
	s.Kubeconfig, err = c.ServiceAccountKubeconfig(deployment.Namespace, deployment.Spec.Template.Spec.ServiceAccountName)
	return s, err
}

// configuration turns the service of the manifests into the replicas' addresses. They go by a name, as a service does.
func (s *SelfSigned) configuration(m Manifests) (*unstructured.Unstructured, error) {
	configuration, err := m.WebhookConfiguration()
	if err != nil {
		return nil, err
	}
	entries := configuration.Webhooks
	configuration.Webhooks = nil
	for i, w := range s.Replicas {
		for _, entry := range entries {
			hook := *entry.DeepCopy()
			if i > 0 {
				hook.Name = "replica-" + strconv.Itoa(i) + "." + hook.Name
			}
			url := "https://" + net.JoinHostPort("localhost", strconv.Itoa(w.ports.webhook)) + *entry.ClientConfig.Service.Path
			hook.ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: &url}
			configuration.Webhooks = append(configuration.Webhooks, hook)
		}
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(configuration)
	return &unstructured.Unstructured{Object: content}, err
}

// Handshake opens a new connection to the webhook, as an API server that trusts these roots does, and returns
// the certificate that is served.
func (w *Webhook) Handshake(ctx context.Context, roots []byte) (*x509.Certificate, error) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	dialer := &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 10 * time.Second},
		Config:    &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS13},
	}
	conn, err := dialer.DialContext(ctx, "tcp", address(w.ports.webhook))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}
