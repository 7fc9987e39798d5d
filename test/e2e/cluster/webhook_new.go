package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// WebhookOptions says how to start a webhook. The zero value starts the program that "make build" made as the
// default install would.
type WebhookOptions struct {
	// Binary is the built program; empty means the one that "make build" makes.
	Binary string
	// Manifests is the kustomization that describes the install; empty means the repository's manifests.
	Manifests string
	// Policy is used in place of the policy of the manifests, if not nil.
	Policy []byte
	// TLS is the data of the Secret to serve with, tls.crt and tls.key; nil means a certificate of its own for 127.0.0.1.
	TLS map[string][]byte
	// InService keeps the Deployment's --shutdown-delay: a Balancer has to notice that this replica is going away.
	InService bool
}

// StartWebhook grants the permissions of the manifests, starts the program as their Deployment does, environment included, with
// only addresses, ports and paths replaced, and waits until it is ready. It runs with the rights of the
// Deployment's service account. Cluster.Stop stops it.
//
// The API server calls it once Webhook.Register has been called.
func (c *Cluster) StartWebhook(ctx context.Context, o WebhookOptions) (*Webhook, error) {
	w, err := c.newWebhook(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("prepare the webhook: %w", err)
	}
	if err := w.Start(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

func (c *Cluster) newWebhook(ctx context.Context, o WebhookOptions) (*Webhook, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &Webhook{cluster: c, binary: o.Binary}
	if w.manifests, err = Render(o.Manifests); err != nil {
		return nil, err
	}
	if o.Policy == nil {
		if o.Policy, err = w.manifests.Policy(); err != nil {
			return nil, err
		}
	}
	kubeconfig, err := c.grant(ctx, w.manifests)
	if err != nil {
		return nil, err
	}
	if w.ports, err = freePorts(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.webhooks = append(c.webhooks, w)
	w.name = "webhook-" + strconv.Itoa(len(c.webhooks))
	c.mu.Unlock()
	w.dir = filepath.Join(c.dir, w.name)
	for _, dir := range []string{w.CertDir(), filepath.Dir(w.policyFile())} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if o.TLS != nil {
		err = Project(w.CertDir(), o.TLS)
	} else {
		w.ca, err = WriteCertificate(w.CertDir())
	}
	if err != nil {
		return nil, err
	}
	if err := w.WritePolicy(o.Policy); err != nil {
		return nil, err
	}
	container, err := w.manifests.Container()
	if err != nil {
		return nil, err
	}
	w.Args = w.args(container, kubeconfig)
	if !o.InService {
		w.Args = withFlag(w.Args, "--shutdown-delay", "0s")
	}
	for _, v := range container.Env {
		if v.ValueFrom == nil { // what only a pod knows stays out
			w.env = append(w.env, v.Name+"="+v.Value)
		}
	}
	return w, nil
}

func (o WebhookOptions) withDefaults() (WebhookOptions, error) {
	root, err := Root()
	if err != nil {
		return o, err
	}
	if o.Manifests == "" {
		o.Manifests = filepath.Join(root, "manifests")
	}
	if o.Binary == "" {
		o.Binary = filepath.Join(root, ".cache", "bin", "spegel-guard")
	}
	if !exists(o.Binary) {
		return o, fmt.Errorf("no program %s: run \"make build\"", o.Binary)
	}
	return o, nil
}

// args returns the Deployment's arguments with what differs outside of a pod.
func (w *Webhook) args(container corev1.Container, kubeconfig string) []string {
	args := container.Args
	for _, flag := range [][2]string{
		{"--config", w.policyFile()},
		{"--cert-dir", w.CertDir()},
		{"--kubeconfig", kubeconfig},
		{"--webhook-host", "127.0.0.1"},
		{"--webhook-port", strconv.Itoa(w.ports.webhook)},
		{"--health-probe-bind-address", address(w.ports.health)},
		{"--metrics-bind-address", address(w.ports.metrics)},
	} {
		args = withFlag(args, flag[0], flag[1])
	}
	return args
}

// grant applies the namespace, service account and RBAC objects of the manifests and returns a kubeconfig of
// the Deployment's service account.
func (c *Cluster) grant(ctx context.Context, m Manifests) (string, error) {
	deployment, err := m.Deployment()
	if err != nil {
		return "", err
	}
	objects := m.OfKind("Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
	if err := c.Apply(ctx, objects...); err != nil {
		return "", err
	}
	return c.ServiceAccountKubeconfig(deployment.Namespace, deployment.Spec.Template.Spec.ServiceAccountName)
}
