// Command bench measures what admission costs, side by side in one run: server-side dry-run creates of a HelmRelease, a DaemonSet and a
// ConfigMap, of Spegel's and of others', against one real API server with nothing in the way, with the CEL
// policies, with a webhook that allows everything and with spegel-guard.
//
// The variants live in namespaces of their own, each selected by one policy or webhook configuration, so nothing is
// registered anew between them. They take turns in short slices: what else the machine does hits all of them
// alike, and a ratio is the median over the rounds. "make bench-admission" builds what it needs and runs
// it; it writes the tables of docs/performance.md.
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
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

func main() {
	log.SetLogger(logr.Discard())
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	allow  string        // the program that allows everything
	out    string        // a file with markers, or empty for standard output only
	rounds int           // slices of each variant at each number of clients
	slice  time.Duration // how long one lasts
	starts int           // how often the start of the webhook is timed
}

func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.allow, "allow", "", "the built test/e2e/allowall")
	flags.StringVar(&o.out, "o", "", "file to write the tables into, between its markers")
	flags.IntVar(&o.rounds, "rounds", 13, "slices of each variant")
	flags.DurationVar(&o.slice, "slice", 400*time.Millisecond, "length of a slice")
	flags.IntVar(&o.starts, "starts", 7, "starts to time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.allow, err = filepath.Abs(o.allow); err != nil { // it starts in a folder of its own
		return err
	}
	bed, err := setUp(ctx, o)
	if bed != nil {
		defer func() { err = errors.Join(err, bed.cluster.Stop()) }()
	}
	if err != nil {
		return err
	}
	result, err := bed.measure(ctx, o, stdout)
	if err != nil {
		return err
	}
	text := result.markdown()
	fmt.Fprintln(stdout, text)
	if o.out == "" {
		return nil
	}
	return writeBetweenMarkers(o.out, text)
}
