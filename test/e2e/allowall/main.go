// Command allowall is the webhook to compare with: controller-runtime's own, which decodes a review and allows it. It
// serves as spegel-guard does, over net/http, with the same TLS and a readiness probe, and takes the
// arguments of spegel-guard's Deployment, of which it needs only addresses and the certificate. So what
// "make bench-admission" shows between the two is what spegel-guard adds.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// path is a prefix of every path that webhook configurations of spegel-guard name.
const path = "/"

func main() {
	log.SetLogger(logr.Discard())
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "allowall:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. The first argument is the command, as for spegel-guard.
func run(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] != "serve" {
		return errors.New("usage: allowall serve [flags of spegel-guard]")
	}
	flags := flag.NewFlagSet("allowall", flag.ContinueOnError)
	host := flags.String("webhook-host", "127.0.0.1", "address to serve on")
	port := flags.Int("webhook-port", 9443, "port to serve on")
	certDir := flags.String("cert-dir", "/tls", "folder with tls.crt and tls.key")
	health := flags.String("health-probe-bind-address", "127.0.0.1:8081", "address of /readyz")
	for _, ignored := range []string{"config", "kubeconfig", "metrics-bind-address", "shutdown-delay"} {
		flags.String(ignored, "", "ignored")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	server := webhook.NewServer(webhook.Options{
		Host: *host, Port: *port, CertDir: *certDir,
		TLSOpts: []func(*tls.Config){func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }},
	})
	server.Register(path, &admission.Webhook{Handler: admission.HandlerFunc(
		func(context.Context, admission.Request) admission.Response { return admission.Allowed("") })})
	mux := http.NewServeMux()
	mux.Handle("/readyz", http.StripPrefix("/readyz", &healthz.Handler{Checks: map[string]healthz.Checker{"serving": server.StartedChecker()}}))
	probes := &http.Server{Addr: *health, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = probes.ListenAndServe() }() // without it nobody sees that this is ready, and the bench says so
	defer func() { _ = probes.Close() }()
	return server.Start(ctx)
}
