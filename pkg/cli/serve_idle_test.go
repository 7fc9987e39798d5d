package cli_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// The API server's side of an idle connection has to be the one that ends it. Its webhook clients have the defaults of
// this very library.
func TestTheAPIServerClosesIdleConnections(t *testing.T) {
	t.Parallel()
	client := utilnet.SetTransportDefaults(&http.Transport{}).IdleConnTimeout
	if server := cli.WebhookServer(slog.New(slog.DiscardHandler)).IdleTimeout; client == 0 || server < client+time.Minute {
		t.Errorf("the webhook closes after %s, the API server after %s: want a minute more", server, client)
	}
}
