package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// startTimeout bounds the start of each of etcd and kube-apiserver. A cold kube-apiserver takes 3 s on two
// idle cores; a busy machine may need several times that.
const startTimeout = time.Minute

// Options says what a Cluster is made of. The zero value is a bare control plane.
type Options struct {
	// Assets is the directory of etcd, kube-apiserver and kubectl; empty means what Assets returns.
	Assets string
	// CRDs are files and directories of CustomResourceDefinitions to install. It is an error if one is missing.
	CRDs []string
	// Audit, if not nil, is the policy of the API server's audit log, which Cluster.AuditEvents reads.
	Audit *auditv1.Policy
	// Services makes webhooks of Services callable, through the Balancers that Cluster.Balance makes.
	Services bool
	// WorkDir is where kubectl runs, for file names on its command line; empty means the working directory.
	WorkDir string
}

// Cluster is a running control plane. Its methods may be called from several goroutines.
type Cluster struct {
	dir     string
	workDir string
	kubectl string
	env     *envtest.Environment
	guard   *guard
	egress  *egress

	mu       sync.Mutex
	webhooks []*Webhook
	flux     *Flux
	stops    []func() error // of other programs
	stopOnce sync.Once
	stopErr  error
}

// Start starts a control plane and installs the CustomResourceDefinitions. The caller calls Stop. The
// error of a program that does not come up ends with the last lines of its log.
func Start(ctx context.Context, o Options) (_ *Cluster, err error) {
	assets := o.Assets
	if assets == "" {
		if assets, err = Assets(); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "spegel-guard-")
	if err != nil {
		return nil, fmt.Errorf("start a control plane: %w", err)
	}
	c := &Cluster{dir: dir, workDir: o.WorkDir, kubectl: filepath.Join(assets, "kubectl")}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	if c.guard, err = startGuard(dir); err != nil {
		return nil, err
	}
	if c.env, err = c.environment(assets, o); err != nil {
		return nil, err
	}
	if o.Services {
		if err := c.startEgress(ctx, c.env.ControlPlane.GetAPIServer()); err != nil {
			return nil, err
		}
	}
	if _, err := c.env.Start(); err != nil {
		return nil, fmt.Errorf("start a control plane: %w\n%s", err, c.lastLogs())
	}
	// envtest's Start knows no context: a Ctrl-C meanwhile takes effect here.
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start a control plane: %w", err)
	}
	if err := os.WriteFile(c.Kubeconfig(), c.env.KubeConfig, 0o600); err != nil {
		return nil, fmt.Errorf("write the kubeconfig: %w", err)
	}
	return c, nil
}

// Stop ends Flux, cert-manager, the webhooks, kube-apiserver and etcd, waits for them, and removes the cluster's directory.
// Further calls return the first one's result.
func (c *Cluster) Stop() error {
	c.stopOnce.Do(func() {
		var errs []error
		c.mu.Lock()
		webhooks, flux, stops := slices.Clone(c.webhooks), c.flux, slices.Clone(c.stops)
		c.mu.Unlock()
		for _, stop := range stops {
			errs = append(errs, stop())
		}
		errs = append(errs, flux.stop())
		for _, w := range webhooks {
			errs = append(errs, w.Stop())
		}
		if c.env != nil {
			errs = append(errs, c.env.Stop())
		}
		errs = append(errs, c.egress.stop(), os.RemoveAll(c.dir))
		if c.guard != nil {
			errs = append(errs, c.guard.stop())
		}
		if err := errors.Join(errs...); err != nil {
			c.stopErr = fmt.Errorf("stop the control plane: %w", err)
		}
	})
	return c.stopErr
}

// onStop has Stop call a function too.
func (c *Cluster) onStop(stop func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stops = append(c.stops, stop)
}

// Config returns a copy of an administrator's client configuration, without a limit of the client's own.
func (c *Cluster) Config() *rest.Config {
	config := rest.CopyConfig(c.env.Config)
	config.QPS = -1
	return config
}

// Kubeconfig returns the path of an administrator's kubeconfig file.
func (c *Cluster) Kubeconfig() string {
	return filepath.Join(c.dir, "kubeconfig")
}

// Dir returns the cluster's directory, which Stop removes: a place for a test's own files.
func (c *Cluster) Dir() string {
	return c.dir
}
