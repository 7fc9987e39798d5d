package hostsfile

import "testing"

// What containerd takes, doctor takes too.
func TestServerWithoutAScheme(t *testing.T) {
	t.Parallel()
	if _, err := Parse([]byte("server = '192.168.1.5:5000'")); err != nil {
		t.Error(err)
	}
}
