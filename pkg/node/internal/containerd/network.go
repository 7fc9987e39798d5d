package containerd

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
)

// dialTimeout bounds one connection to one address, so that a second address gets its turn.
const dialTimeout = 3 * time.Second

// EtcHosts reads the node's table of hosts; the note says why there is none.
func (n *Node) EtcHosts(ctx context.Context) (table map[string][]string, note string) {
	if n.Files == nil {
		return nil, "without a node there is no /etc/hosts to look at"
	}
	if n.table != nil { // once is enough
		return n.table, ""
	}
	data, err := n.Files.ReadFile(ctx, "/etc/hosts", nodefs.MaxFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "/etc/hosts " + nodefs.Reason(err)
	}
	n.table = parseEtcHosts(data)
	return n.table, ""
}

func parseEtcHosts(data []byte) map[string][]string {
	out := map[string][]string{}
	for text := range strings.Lines(string(data)) {
		text, _, _ = strings.Cut(text, "#")
		words := strings.Fields(text)
		if len(words) < 2 {
			continue
		}
		address, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		for _, name := range words[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			out[name] = append(out[name], address.String())
		}
	}
	return out
}

// dial connects to where the node would: its /etc/hosts goes before the resolver.
func (n *Node) dial(ctx context.Context, table map[string][]string, network, address string) (net.Conn, error) {
	dial := n.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext // so that a second address gets its turn
	}
	addresses := []string{address}
	if host, port, err := net.SplitHostPort(address); err == nil {
		if known := table[strings.ToLower(host)]; len(known) > 0 {
			addresses = nil
			for _, ip := range known {
				addresses = append(addresses, net.JoinHostPort(ip, port))
			}
		}
	}
	var failed error
	for _, address := range addresses {
		conn, err := dial(ctx, network, address)
		if err == nil {
			return conn, nil
		}
		failed = cmp.Or(failed, err)
	}
	return nil, failed
}
