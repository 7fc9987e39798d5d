package cli

import (
	"log"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

const (
	// badConnectionInterval is how often it is logged what a client did wrong with a connection.
	badConnectionInterval = 10 * time.Second
	// maxProblem is up to how many bytes of it are logged.
	maxProblem = 512
)

// serverErrors logs what net/http says about a server. A client can have it say much, for each connection that it opens.
type serverErrors struct {
	log    *slog.Logger
	client rate.Sometimes
}

// logErrors is for a server that does not serve yet.
func logErrors(server *http.Server, logger *slog.Logger) {
	errors := &serverErrors{log: logger.With("address", server.Addr), client: rate.Sometimes{Interval: badConnectionInterval}}
	server.ErrorLog = log.New(errors, "", 0)
}

// Write takes one message.
func (e *serverErrors) Write(message []byte) (int, error) {
	text := strings.TrimSpace(string(message))
	ofClient := strings.HasPrefix(text, "http: TLS handshake error") || strings.HasPrefix(text, "http2: ") && !strings.HasPrefix(text, "http2: panic")
	if !ofClient {
		e.log.Error("server error", "problem", text)
		return len(message), nil
	}
	e.client.Do(func() {
		e.log.Info("bad connection; others like it are not logged", "problem", strings.ToValidUTF8(text[:min(len(text), maxProblem)], ""))
	})
	return len(message), nil
}
