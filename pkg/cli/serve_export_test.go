package cli

import (
	"net/http"

	"github.com/spegel-guard/spegel-guard/pkg/certificate"
)

// WebhookServer is the server of the webhook, without anything behind it.
func WebhookServer() *http.Server {
	return newWebhookServer("127.0.0.1", 0, &certificate.Monitor{}, http.NotFoundHandler())
}

// MaxWaiting and MaxBusy are how many connections without and with requests a server has at most.
const (
	MaxWaiting = maxWaiting
	MaxBusy    = maxBusy
)
