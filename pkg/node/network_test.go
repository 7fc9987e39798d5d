package node_test

import (
	"context"
	"net"
)

// nowhere is the network of tests that need none.
func nowhere(context.Context, string, string) (net.Conn, error) { return nil, errNowhere }

// to leads every connection to one address of this machine.
func to(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

// unknown is a resolver that knows no name.
func unknown(_ context.Context, host string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// dialer leads each connection to where lead says.
func dialer(lead func(address string) string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return to(lead(address))(ctx, network, address)
	}
}
