//go:build unix

package node_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// What a script around talosctl has started ends with it.
func TestWrappedTalosctlLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, pipe := filepath.Join(dir, "talosctl"), filepath.Join(dir, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	must(t, os.WriteFile(program, []byte("#!/bin/sh\n(sleep 5; echo still here) >'"+pipe+"' &\nwait\n"), 0o700))
	files, err := node.NewTalos(program, "10.0.0.1")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	read := make(chan error)
	go func() {
		_, err := files.ReadFile(ctx, "/etc/hosts", 100)
		read <- err
	}()
	child, err := os.Open(pipe) // waits for the other end, which the child has
	must(t, err)
	defer func() { _ = child.Close() }()
	cancel()
	if err := <-read; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if said, err := io.ReadAll(child); len(said) > 0 || err != nil {
		t.Errorf("%q, %v", said, err)
	}
}
