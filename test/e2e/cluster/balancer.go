package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// ProbePeriod is how often a Balancer asks each replica whether it is ready, and how long it waits for an answer: about as
// long as a cluster takes to have a pod's end known on every node. A kubelet's probes are slower.
const ProbePeriod = time.Second

// Balancer does for one Service what kubelet and kube-proxy do: it asks each replica for its readiness, gives new
// connections in turn to those that were ready when last asked, and leaves connections alone that are there. A new
// connection is tried once: if its replica refuses it, so does the Balancer.
type Balancer struct {
	address string
	egress  *egress
	ctx     context.Context //nolint:containedctx // it ends the probes
	cancel  context.CancelFunc
	probes  sync.WaitGroup

	mu       sync.Mutex
	backends []*backend
	turn     int
	refused  int
}

// backend is a replica as the Balancer sees it.
type backend struct {
	webhook *Webhook
	stop    context.CancelFunc
	ready   bool
	open    int
	opened  int
}

// Balance makes a Balancer for the first port of a Service that is in the cluster. The cluster must have been started with
// Options.Services. The caller calls Close.
func (c *Cluster) Balance(ctx context.Context, namespace, name string) (*Balancer, error) {
	if c.egress == nil {
		return nil, fmt.Errorf("balance service %s/%s: the cluster was started without Options.Services", namespace, name)
	}
	api, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return nil, fmt.Errorf("balance service %s/%s: %w", namespace, name, err)
	}
	service, err := api.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("balance service %s/%s: %w", namespace, name, err)
	}
	port := strconv.Itoa(int(service.Spec.Ports[0].Port))
	b := &Balancer{address: net.JoinHostPort(service.Spec.ClusterIP, port), egress: c.egress}
	if err := c.egress.register(b.address, b); err != nil {
		return nil, fmt.Errorf("balance service %s/%s: %w", namespace, name, err)
	}
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return b, nil
}

// Add makes a webhook one of the replicas. It gets connections once it has said that it is ready.
func (b *Balancer) Add(w *Webhook) {
	ctx, stop := context.WithCancel(b.ctx)
	r := &backend{webhook: w, stop: stop}
	b.mu.Lock()
	b.backends = append(b.backends, r)
	b.mu.Unlock()
	b.probes.Go(func() {
		for {
			b.probe(ctx, r)
			select {
			case <-ctx.Done():
				return
			case <-time.After(ProbePeriod):
			}
		}
	})
}

// Remove forgets a replica. Its connections go on.
func (b *Balancer) Remove(w *Webhook) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.index(w); i >= 0 {
		b.backends[i].stop()
		b.backends = slices.Delete(b.backends, i, i+1)
	}
}

// Ready says whether a replica was ready when last asked.
func (b *Balancer) Ready(w *Webhook) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.index(w)
	return i >= 0 && b.backends[i].ready
}

// Connections returns how many connections to a replica are open now, and how many were opened so far.
func (b *Balancer) Connections(w *Webhook) (open, opened int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.index(w); i >= 0 {
		return b.backends[i].open, b.backends[i].opened
	}
	return 0, 0
}

// Refused returns how many connections could not be made so far: no replica was ready, or the one whose turn it was
// did not listen.
func (b *Balancer) Refused() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refused
}

// Close forgets all replicas. New calls of the Service find nobody.
func (b *Balancer) Close() {
	b.egress.forget(b.address)
	b.cancel()
	b.probes.Wait()
}

func (b *Balancer) index(w *Webhook) int {
	return slices.IndexFunc(b.backends, func(r *backend) bool { return r.webhook == w })
}

func (b *Balancer) probe(ctx context.Context, r *backend) {
	asking, cancel := context.WithTimeout(ctx, ProbePeriod)
	defer cancel()
	ready := r.webhook.ready(asking)
	b.mu.Lock()
	defer b.mu.Unlock()
	r.ready = ready
}

// pick returns the ready replica whose turn it is.
func (b *Balancer) pick() *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.turn++
		if r := b.backends[b.turn%len(b.backends)]; r.ready {
			r.open++
			r.opened++
			return r
		}
	}
	b.refused++
	return nil
}

func (b *Balancer) dial(ctx context.Context) (net.Conn, error) {
	r := b.pick()
	if r == nil {
		return nil, errors.New("no replica is ready")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address(r.webhook.ports.webhook))
	if err != nil {
		b.mu.Lock()
		r.open--
		r.opened--
		b.refused++
		b.mu.Unlock()
		return nil, err
	}
	return &counted{Conn: conn, closed: sync.OnceFunc(func() {
		b.mu.Lock()
		r.open--
		b.mu.Unlock()
	})}, nil
}

// counted is a connection that says when it is closed.
type counted struct {
	net.Conn

	closed func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}
