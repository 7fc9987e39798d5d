package cli_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// TestMain makes this test binary the program, for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spegel-guard": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}})
}

// TestScripts is the contract of the command line: what is typed, what is printed, the exit code.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": exit,
		},
	})
}

// setup gives a script $PORT, $HEALTH and $METRICS (free), $TAKEN (in use), $ESC (the character), and a certificate in certs.
func setup(env *testscript.Env) error {
	for _, name := range []string{"PORT", "HEALTH", "METRICS", "TAKEN"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		env.Setenv(name, fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
		if name == "TAKEN" {
			env.Defer(func() { _ = l.Close() })
		} else if err := l.Close(); err != nil {
			return err
		}
	}
	env.Setenv("ESC", "\x1b")
	certs := filepath.Join(env.WorkDir, "certs")
	if err := os.Mkdir(certs, 0o700); err != nil {
		return err
	}
	_, err := cluster.WriteCertificate(certs)
	return err
}

// exit is "exit CODE webhook ARG...": it runs the program and wants that exit code.
func exit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARG...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		coder, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = coder.ExitCode()
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit code %d; want %s", got, args[0])
	}
}
