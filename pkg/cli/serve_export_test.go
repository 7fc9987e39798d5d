package cli

import (
	"net/http"

	"github.com/spegel-guard/spegel-guard/pkg/certificate"
)

// WebhookServer is the server of the webhook, without anything behind it.
func WebhookServer() *http.Server {
	return newWebhookServer("127.0.0.1", 0, &certificate.Monitor{}, http.NotFoundHandler())
}

// MaxConnections is how many connections a server has at most.
const MaxConnections = maxConnections
