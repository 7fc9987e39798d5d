package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/spegel-guard/spegel-guard/pkg/admission"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// policyInterval is how often the policy file is looked at.
const policyInterval = 1 * time.Second

type serveOptions struct {
	config         string
	private        []string
	host           string
	port           int
	certDir        string
	healthAddress  string
	metricsAddress string
	kubeconfig     string
	shutdownDelay  time.Duration
}

func newServe() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the admission webhook",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			return o.run(cmd.Context(), logger)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "policy file; watched while serving")
	f.StringArrayVar(&o.private, "private-registry", nil, "private registry: host, host:port or *.domain; adds to the policy file (repeatable)")
	f.StringVar(&o.host, "webhook-host", "", "address to serve the webhook on; empty is all")
	f.IntVar(&o.port, "webhook-port", 9443, "port to serve the webhook on")
	f.StringVar(&o.certDir, "cert-dir", "/tls", "folder with tls.crt and tls.key; reloaded when they change")
	f.StringVar(&o.healthAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	f.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "address of /metrics; 0 for none")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file for reading what releases refer to; empty is the cluster this runs in")
	f.DurationVar(&o.shutdownDelay, "shutdown-delay", 5*time.Second, "how long to go on serving after readiness fails at the end")
	return cmd
}

// run serves until the context ends. An error is one line and means that serving did not start, or
// that it could not go on.
func (o *serveOptions) run(ctx context.Context, logger *slog.Logger) error {
	if o.port < 1 || o.port > 65535 {
		return fmt.Errorf("--webhook-port %d: want 1 to 65535", o.port)
	}
	if o.shutdownDelay < 0 {
		return fmt.Errorf("--shutdown-delay %s: want no less than 0s", o.shutdownDelay)
	}
	if o.metricsAddress == "" {
		return errors.New("--metrics-bind-address is empty: want an address, or 0 for none")
	}
	setProcessLogger(logger)
	policies, err := policy.Open(o.config, o.private)
	if err != nil {
		return err
	}
	if len(policies.Current().PrivateRegistries) == 0 {
		logger.Warn("no private registry is known, so rule private-registry-mirrored has nothing to match; name some in the policy file or with --private-registry")
	}
	if err := checkCertificate(o.certDir); err != nil {
		return err
	}
	reader, err := newReader(o.kubeconfig, logger)
	if err != nil {
		return err
	}

	metrics := admission.NewMetrics(ctrlmetrics.Registry, policies.Since)
	server := webhook.NewServer(webhook.Options{
		Host: o.host, Port: o.port, CertDir: o.certDir,
		TLSOpts: []func(*tls.Config){func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }},
	})
	server.Register(admission.Path, admission.NewEndpoint(&admission.Handler{
		Policy: policies.Current, Reader: reader, Metrics: metrics, Log: logger,
	}))
	metricsServer, err := metricsserver.NewServer(metricsserver.Options{BindAddress: o.metricsAddress}, nil, nil)
	if err != nil {
		return fmt.Errorf("metrics server: %w", err)
	}
	health := newHealth(server.StartedChecker())

	// Servers live on a context of their own: at the end, readiness fails first, and they go on for the
	// delay, because endpoints still point here.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, serving := errgroup.WithContext(serving)
	group.Go(func() error { return wrap("webhook server", server.Start(serving)) })
	group.Go(func() error { return wrap("health server", health.serve(serving, o.healthAddress)) })
	if metricsServer != nil {
		group.Go(func() error { return wrap("metrics server", metricsServer.Start(serving)) })
	}
	group.Go(func() error {
		policies.Watch(serving, policyInterval, func(err error) { logReload(logger, metrics, err) })
		return nil
	})
	group.Go(func() error {
		select {
		case <-serving.Done(): // a server failed
		case <-ctx.Done():
			health.drain()
			logger.Info("draining", "delay", o.shutdownDelay.String())
			select {
			case <-time.After(o.shutdownDelay):
			case <-serving.Done():
			}
			stop()
		}
		return nil
	})
	return group.Wait()
}

func logReload(logger *slog.Logger, metrics *admission.Metrics, err error) {
	metrics.PolicyReloaded(err)
	if err != nil {
		logger.Error("policy refused, the last good one stays in force", "error", err)
		return
	}
	logger.Info("policy loaded")
}

// checkCertificate says which file is wrong before anything is served.
func checkCertificate(dir string) error {
	crt, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if _, err := tls.LoadX509KeyPair(crt, key); err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", crt, key, err)
	}
	return nil
}

// setProcessLogger makes every library of the process log JSON to the same place. These loggers are
// global by nature, and only serve sets them.
func setProcessLogger(logger *slog.Logger) {
	slog.SetDefault(logger) // net/http
	log.SetLogger(logr.FromSlogHandler(logger.Handler()))
	klog.SetSlogLogger(logger)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
