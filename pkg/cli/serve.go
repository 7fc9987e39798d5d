package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// policyInterval is how often the policy file is looked at.
const policyInterval = 1 * time.Second

// gcPercent has the garbage collector work three times as often as it would. Reviews leave much behind and nearly nothing stays, so that
// costs little and saves some MiB of each replica.
const gcPercent = 30

type serveOptions struct {
	policyOptions
	host           string
	port           int
	healthAddress  string
	metricsAddress string
	metricsSecure  bool
	kubeconfig     string
	shutdownDelay  time.Duration
	certificateOptions
}

func newServe() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the admission webhook",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd.Flags().Changed("cert-dir")); err != nil {
				return err
			}
			logger := slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			setProcessLogger(logger)
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(gcPercent)
			}
			return o.run(cmd.Context(), logger)
		},
	}
	f := cmd.Flags()
	o.flags(f)
	f.Lookup("config").Usage += "; watched while serving"
	f.StringVar(&o.host, "webhook-host", "", "address to serve the webhook on; default is all")
	f.IntVar(&o.port, "webhook-port", 9443, "port to serve the webhook on")
	f.StringVar(&o.healthAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	f.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "address of /metrics; 0 for none")
	f.BoolVar(&o.metricsSecure, "metrics-secure", false, "serve metrics over TLS, to accounts that may get /metrics")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file for reading what releases refer to; default is the cluster this runs in")
	f.DurationVar(&o.shutdownDelay, "shutdown-delay", 5*time.Second, "how long to keep serving after SIGTERM")
	o.addCertificateFlags(f)
	return cmd
}

// check reports what is wrong with the flags.
func (o *serveOptions) check(certDirGiven bool) error {
	switch {
	case o.port < 1 || o.port > 65535:
		return fmt.Errorf("--webhook-port %d: want 1 to 65535", o.port)
	case o.shutdownDelay < 0:
		return fmt.Errorf("--shutdown-delay %s: want at least 0s", o.shutdownDelay)
	case o.metricsAddress == "":
		return errors.New("--metrics-bind-address is empty: want an address, or 0 for none")
	}
	return o.checkCertificateFlags(certDirGiven)
}

// setProcessLogger makes every library of the process log JSON to the same place. These loggers are
// global by nature, and only serve sets them.
func setProcessLogger(logger *slog.Logger) {
	slog.SetDefault(logger) // clients of net/http
	log.SetLogger(logr.FromSlogHandler(logger.Handler()))
	klog.SetSlogLogger(logger)
}
