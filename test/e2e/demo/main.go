// Command demo shows what spegel-guard does, for someone who has never seen it: it starts a real API server on
// loopback with the webhook beside it, applies the examples with the real kubectl, and prints each command
// with the API server's answer.
//
// It exits with status 0 if every answer was the expected one, 1 if one was not, and 2 if it could not
// get that far. With -stay it keeps everything running until it is interrupted. "make demo" and "make run"
// build what it needs and run it from the top of the repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

func main() {
	log.SetLogger(logr.Discard()) // envtest's own steps; the demo prints its own
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	status := run(ctx, cancel, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	os.Exit(status)
}

// run is the demo. It calls interrupted before it tidies up, so that a second Ctrl-C ends it at once.
func run(ctx context.Context, interrupted context.CancelFunc, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	stay := flags.Bool("stay", false, "keep the API server and the webhook running until interrupted")
	if err := flags.Parse(args); err != nil {
		return 2
	}

	unexpected, err := demo(ctx, interrupted, *stay, stdout)
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "demo: interrupted")
		return 2
	case err != nil:
		fmt.Fprintln(stderr, "demo:", err)
		return 2
	case unexpected > 0:
		return 1
	}
	return 0
}

// demo returns how many answers were not the expected ones.
func demo(ctx context.Context, interrupted context.CancelFunc, stay bool, out io.Writer) (unexpected int, err error) {
	fmt.Fprintln(out, "A real Kubernetes API server on this machine, spegel-guard's webhook beside it, and kubectl.")
	fmt.Fprintln(out)
	c, err := setUp(ctx, out)
	if c != nil {
		defer func() {
			interrupted()
			err = errors.Join(err, c.Stop())
		}()
	}
	if err != nil {
		return 0, err
	}
	fmt.Fprintln(out)
	for i, s := range steps() {
		ok, err := s.play(ctx, c, out, i+1)
		if err != nil {
			return 0, err
		}
		if !ok {
			unexpected++
		}
	}
	summary(out, len(steps()), unexpected)
	if stay {
		fmt.Fprintf(out, "\nThe API server and the webhook stay up until you press Ctrl-C. In another terminal:\n\n"+
			"  export KUBECONFIG=%s\n  export PATH=%s:$PATH\n  kubectl delete -f examples/suspended.yaml    # what the demo left\n"+
			"  kubectl apply -f examples/incident.yaml\n\n"+
			"No pods run here, so the webhook is registered by a URL. To apply manifests of your own that register it by its Service,\n"+
			"first \"kubectl delete validatingwebhookconfiguration spegel-guard\".\n",
			c.Kubeconfig(), filepath.Dir(c.KubectlPath()))
		<-ctx.Done()
		fmt.Fprintln(out, "\nStopping the webhook, kube-apiserver and etcd.")
	}
	return unexpected, nil
}

func summary(out io.Writer, all, unexpected int) {
	if unexpected > 0 {
		fmt.Fprintf(out, "FAILED: %d of %d answers were not the expected ones.\n", unexpected, all)
		return
	}
	fmt.Fprintf(out, "All %d answers were the expected ones: no release that could break private pulls got in.\n", all)
}

// setUp starts everything. The cluster, if there is one, has to be stopped even when there is an error.
func setUp(ctx context.Context, out io.Writer) (c *cluster.Cluster, err error) {
	root, err := cluster.Root()
	if err != nil {
		return nil, err
	}
	policy, err := os.ReadFile(filepath.Join(root, "examples", "policy.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read the example policy: %w", err)
	}
	crds, err := cluster.HelmReleaseCRD()
	if err != nil {
		return nil, err
	}
	err = timed(out, "Starting etcd and kube-apiserver", func() error {
		c, err = cluster.Start(ctx, cluster.Options{CRDs: []string{crds}, WorkDir: root})
		return err
	})
	if err != nil {
		return nil, err
	}
	var webhook *cluster.Webhook
	err = timed(out, "Starting the webhook as manifests/base runs it, with examples/policy.yaml", func() error {
		webhook, err = c.StartWebhook(ctx, cluster.WebhookOptions{Policy: policy})
		return err
	})
	if err != nil {
		return c, err
	}
	return c, timed(out, "Registering it with the API server as manifests/base does", func() error {
		return webhook.Register(ctx)
	})
}
