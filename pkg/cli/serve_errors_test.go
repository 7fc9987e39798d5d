package cli_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// What a client does wrong is logged once and in short, and what the program does wrong always.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	errors := cli.WebhookServer(slog.New(slog.NewTextHandler(&log, nil))).ErrorLog
	for range 3 {
		errors.Print("http: TLS handshake error from 192.0.2.1:1: EOF" + strings.Repeat("x", 10_000))
		errors.Print("http2: server connection error from 192.0.2.1:1: PROTOCOL_ERROR")
		errors.Print("http: panic serving 192.0.2.1:1: oh\ngoroutine 1:")
		errors.Print("http2: panic serving 192.0.2.1:1: oh")
		errors.Print("http: Accept error: too many open files; retrying in 1s")
	}
	text := log.String()
	lines, bad, wrong := strings.Count(text, "\n"), strings.Count(text, "bad connection"), strings.Count(text, "level=ERROR")
	if lines != 10 || bad != 1 || wrong != 9 || !strings.Contains(text, "from 192.0.2.1:1: EOF") || len(text) > 4000 {
		t.Errorf("%d lines, %d of bad connections, %d errors:\n%s", lines, bad, wrong, text)
	}
}
