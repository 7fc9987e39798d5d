package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// readyTimeout bounds the webhook's start; it takes far less than a second on an idle machine.
const readyTimeout = 30 * time.Second

// waitReady asks the readiness endpoint until it says yes.
func (w *Webhook) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		if w.ready(ctx) {
			return nil
		}
		select {
		case <-w.done:
			if w.err == nil {
				return fmt.Errorf("it ended with status 0 before it was ready:\n%s", w.Logs())
			}
			return fmt.Errorf("it ended before it was ready: %w:\n%s", w.err, w.Logs())
		case <-ctx.Done():
			return fmt.Errorf("wait until it is ready: %w:\n%s", ctx.Err(), w.Logs())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (w *Webhook) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.HealthURL()+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}
