package server

import (
	"log"
	"log/slog"
	"net/http"
	"strings"

	"golang.org/x/time/rate"
)

// maxProblem is up to how many bytes are logged of what a client did wrong with a connection.
const maxProblem = 512

// serverErrors logs what net/http says about a server. A client can have it say much, for each connection that it opens.
type serverErrors struct {
	log    *slog.Logger
	client rate.Sometimes
}

// logErrors is for a server that does not serve yet.
func logErrors(server *http.Server, logger *slog.Logger) {
	errors := &serverErrors{log: logger, client: rate.Sometimes{Interval: logInterval}}
	server.ErrorLog = log.New(errors, "", 0)
}

// Write takes one message.
func (e *serverErrors) Write(message []byte) (int, error) {
	text := strings.TrimSpace(string(message))
	if !strings.HasPrefix(text, "http: TLS handshake error") {
		e.log.Error("server error", "problem", text)
		return len(message), nil
	}
	e.client.Do(func() {
		e.log.Info("bad connection; others like it are not logged", "problem", strings.ToValidUTF8(text[:min(len(text), maxProblem)], ""))
	})
	return len(message), nil
}
