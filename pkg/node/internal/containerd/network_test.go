package containerd

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of several addresses in /etc/hosts each is tried, however long the lines between them are.
func TestSeveralAddresses(t *testing.T) {
	t.Parallel()
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
