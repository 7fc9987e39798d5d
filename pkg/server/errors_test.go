package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// What a client does wrong is logged once and in short, and what the program does wrong always.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	errors := newServer("a:1", http.NotFoundHandler(), nil, slog.New(slog.NewTextHandler(&log, nil))).ErrorLog
	for range 3 {
		errors.Print("http: TLS handshake error from 192.0.2.1:1: EOF" + strings.Repeat("x", 10_000))
		errors.Print("http: panic serving 192.0.2.1:1: oh\ngoroutine 1:")
		errors.Print("http: Accept error: too many open files; retrying in 1s")
	}
	text := log.String()
	lines, bad, wrong := strings.Count(text, "\n"), strings.Count(text, "bad connection"), strings.Count(text, "level=ERROR")
	if lines != 7 || bad != 1 || wrong != 6 || !strings.Contains(text, "from 192.0.2.1:1: EOF") || len(text) > 4000 {
		t.Errorf("%d lines, %d of bad connections, %d errors:\n%s", lines, bad, wrong, text)
	}
}
