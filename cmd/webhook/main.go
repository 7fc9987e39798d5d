// Command webhook is spegel-guard: it keeps Spegel away from private registries.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

func main() {
	stderr := os.Stderr
	// kustomize writes to os.Stderr and to the standard logger, and can't be told not to, that fields of a repository are
	// deprecated or without use. What this program has to say goes to what it is given. Nothing else runs yet.
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, stderr))
}
