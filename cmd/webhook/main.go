// Command webhook is spegel-guard: it keeps Spegel away from private registries.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
