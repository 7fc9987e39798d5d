package cli

import (
	"log/slog"
	"net/http"

	"github.com/spegel-guard/spegel-guard/pkg/certificate"
)

// WebhookServer is the server of the webhook, without anything behind it.
func WebhookServer(logger *slog.Logger) *http.Server {
	return newWebhookServer("127.0.0.1", 0, &certificate.Monitor{}, http.NotFoundHandler(), logger)
}

// How many connections a server has at most: of those that wait, of HTTP/1.1 with a review, and of HTTP/2 with requests.
const (
	MaxConnections = maxConnections
	MaxReviewing   = maxReviewing
	MaxHTTP2       = maxHTTP2
)
