package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// terminal is a pseudo-terminal and what is written to it.
func terminal(t *testing.T) (tty *os.File, written func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&out, master) // ends with an error when the other side is closed
	}()
	return tty, func() string {
		if err := tty.Close(); err != nil {
			t.Error(err)
		}
		<-done
		if err := master.Close(); err != nil {
			t.Error(err)
		}
		return out.String()
	}
}

const release = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: spegel
  namespace: kube-system
spec:
  chart:
    spec:
      chart: spegel
      sourceRef: {kind: HelmRepository, name: spegel}
`

func TestColourIsForATerminal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "release.yaml")
	if err := os.WriteFile(file, []byte(release), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want bool
	}{
		"it is there":                     {nil, nil, true},
		"not with NO_COLOR":               {map[string]string{"NO_COLOR": "1"}, nil, false},
		"an empty NO_COLOR says nothing":  {map[string]string{"NO_COLOR": ""}, nil, true},
		"not on a dumb terminal":          {map[string]string{"TERM": "dumb"}, nil, false},
		"not in another format":           {nil, []string{"-o", "github"}, false},
		"not in a file, but beside it":    {nil, []string{"-o", "text", "-o", "json=" + file + ".json"}, true},
		"not in a text that is in a file": {nil, []string{"-o", "json", "-o", "text=" + file + ".txt"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", "xterm")
			t.Setenv("NO_COLOR", "")
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			tty, written := terminal(t)
			var stderr bytes.Buffer
			code := cli.Run(t.Context(), append([]string{"check", file}, c.args...), strings.NewReader(""), tty, &stderr)
			out := written()
			if code != cli.ExitDenied {
				t.Errorf("exit code %d, %s", code, stderr.String())
			}
			if got := strings.Contains(out, "\x1b["); got != c.want {
				t.Errorf("colour is %t; want %t\n%s", got, c.want, out)
			}
			for _, name := range []string{file + ".txt", file + ".json"} {
				if data, err := os.ReadFile(name); err == nil && bytes.Contains(data, []byte("\x1b")) {
					t.Errorf("colour in %s", name)
				}
			}
		})
	}
}

func TestACheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	if code := cli.Run(ctx, []string{"check", t.TempDir()}, strings.NewReader(""), io.Discard, &stderr); code != cli.ExitFailed {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
}
