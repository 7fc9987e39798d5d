package containerd

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What containerd and the resolver take, doctor takes too.
func TestLenientFiles(t *testing.T) {
	t.Parallel()
	if _, err := parseHosts([]byte("server = '192.168.1.5:5000'")); err != nil {
		t.Errorf("a server without a scheme: %v", err)
	}
	table := parseEtcHosts([]byte("192.0.2.1 a\n#" + strings.Repeat("x", 70<<10) + "\n192.0.2.2 a\n"))
	if diff := cmp.Diff([]string{"192.0.2.1", "192.0.2.2"}, table["a"]); diff != "" {
		t.Error(diff)
	}
	var asked []string
	n := &Node{Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		asked = append(asked, address)
		return nil, net.ErrClosed
	}}
	if _, err := n.dial(t.Context(), table, "tcp", "a:443"); err == nil {
		t.Error("no error")
	}
	if diff := cmp.Diff([]string{"192.0.2.1:443", "192.0.2.2:443"}, asked); diff != "" {
		t.Error(diff)
	}
}
