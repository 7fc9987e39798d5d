package cluster

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

// ports are the three that a webhook listens on.
type ports struct{ webhook, health, metrics int }

// freePorts returns ports that nothing listens on.
func freePorts(ctx context.Context) (p ports, err error) {
	var held []net.Listener
	defer func() {
		for _, listener := range held {
			_ = listener.Close()
		}
	}()
	for _, port := range []*int{&p.webhook, &p.health, &p.metrics} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address(0))
		if err != nil {
			return p, fmt.Errorf("find a free port: %w", err)
		}
		held = append(held, listener) // until all are known, so that they differ
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

// address returns the loopback address of a port.
func address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
