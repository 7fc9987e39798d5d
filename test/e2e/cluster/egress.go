package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// egressSelector sends what kube-apiserver calls inside the cluster, the Services of webhooks among them, through an
// HTTP CONNECT proxy on a Unix socket. Webhooks by URL don't take that way.
const egressSelector = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
  - name: cluster
    connection:
      proxyProtocol: HTTPConnect
      transport:
        uds:
          udsName: %s
`

// egress is that proxy: it knows Services by their address and port, and hands each connection to a Service's
// Balancer. So a webhook configuration that names a Service works as it stands, name of the certificate included.
type egress struct {
	listener net.Listener
	done     chan struct{}

	mu       sync.Mutex
	services map[string]*Balancer
}

// startEgress starts the proxy and tells the API server of it.
func (c *Cluster) startEgress(ctx context.Context, api *envtest.APIServer) error {
	socket, file := filepath.Join(c.dir, "egress.sock"), filepath.Join(c.dir, "egress.yaml")
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("start the egress proxy: %w", err)
	}
	c.egress = &egress{listener: listener, done: make(chan struct{}), services: map[string]*Balancer{}}
	go c.egress.serve()
	if err := os.WriteFile(file, fmt.Appendf(nil, egressSelector, socket), 0o600); err != nil {
		return fmt.Errorf("start the egress proxy: %w", err)
	}
	api.Configure().Set("egress-selector-config-file", file)
	return nil
}

func (e *egress) serve() {
	defer close(e.done)
	for {
		conn, err := e.listener.Accept()
		if err != nil {
			return // closed
		}
		go e.connect(conn)
	}
}

// connect answers one CONNECT request and then passes bytes until one side ends.
func (e *egress) connect(client net.Conn) {
	defer func() { _ = client.Close() }()
	request, err := http.ReadRequest(bufio.NewReader(client)) // the API server sends no more before the answer
	if err != nil {
		return
	}
	e.mu.Lock()
	service := e.services[request.Host]
	e.mu.Unlock()
	if service == nil || request.Method != http.MethodConnect {
		_, _ = io.WriteString(client, "HTTP/1.1 404 No Such Service\r\n\r\n")
		return
	}
	server, err := service.dial(request.Context())
	if err != nil {
		_, _ = io.WriteString(client, "HTTP/1.1 503 Connection Refused\r\n\r\n")
		return
	}
	defer func() { _ = server.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}

func (e *egress) register(address string, b *Balancer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.services[address] != nil {
		return fmt.Errorf("%s has a balancer", address)
	}
	e.services[address] = b
	return nil
}

func (e *egress) forget(address string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.services, address)
}

func (e *egress) stop() error {
	if e == nil {
		return nil
	}
	err := e.listener.Close()
	<-e.done
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop the egress proxy: %w", err)
	}
	return nil
}
