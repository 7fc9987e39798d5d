package install_test

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// rotateCertificate gives both replicas a new certificate from the same authority, as a renewal does.
func rotateCertificate(t *testing.T, s *site) func() int {
	s.issue(t)
	for _, w := range s.replicas {
		if err := cluster.Project(w.CertDir(), s.secret); err != nil {
			t.Fatal(err)
		}
		waitServed(t, w, s.secret["tls.crt"])
	}
	time.Sleep(2 * time.Second)
	return none
}

// waitServed returns once a replica shows this certificate to whoever connects.
func waitServed(t *testing.T, w *cluster.Webhook, crt []byte) {
	t.Helper()
	block, _ := pem.Decode(crt)
	if block == nil {
		t.Fatal("no certificate in tls.crt")
	}
	want, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new certificate is served", func() bool {
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // which one it is, is the question
		conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(w.URL(), "https://"))
		if err != nil {
			return false
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Cmp(want.SerialNumber) == 0
	})
}

// reloadPolicy changes the policy to one that is refused, to one with more registries, and back.
func reloadPolicy(t *testing.T, s *site) func() int {
	for _, step := range []struct{ policy, log string }{
		{policyOfTest + "rules: {no-such-rule: deny}\n", `"msg":"policy refused`},
		{strings.Replace(policyOfTest, "[", "[harbor.example.com, ", 1), `"msg":"policy loaded`},
		{policyOfTest, `"msg":"policy loaded`},
	} {
		var before [len(s.replicas)]int
		for i, w := range s.replicas {
			before[i] = strings.Count(w.Logs(), step.log)
			if err := w.WritePolicy([]byte(step.policy)); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the policy is read", func() bool {
			for i, w := range s.replicas {
				if strings.Count(w.Logs(), step.log) == before[i] {
					return false
				}
			}
			return true
		})
	}
	return none
}

// busiest returns the replica with the most connections: the API server takes the connection that it used last, and
// so one replica may have none.
func (s *site) busiest() *cluster.Webhook {
	return slices.MaxFunc(s.replicas[:], func(a, b *cluster.Webhook) int {
		ofA, _ := s.balancer.Connections(a)
		ofB, _ := s.balancer.Connections(b)
		return cmp.Compare(ofA, ofB)
	})
}

// killOne ends a replica as the kernel would that is out of memory, and starts it again. It may cost the calls that it
// had, one a connection, and the connections that went to it before the balancer knew.
func killOne(t *testing.T, s *site) func() int {
	w, refused := s.busiest(), s.balancer.Refused()
	open, _ := s.balancer.Connections(w)
	w.Kill()
	time.Sleep(time.Second)
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused = s.balancer.Refused() - refused
	t.Logf("kill -9 of one: it held %d connections; %d new ones were refused", open, refused)
	return func() int { return open + refused }
}

// pauseOne freezes a replica for longer than the webhook's timeoutSeconds. Each connection to it, new ones too until the
// balancer knows, may cost one call.
func pauseOne(t *testing.T, s *site) func() int {
	w := s.busiest()
	held, before := s.balancer.Connections(w)
	if err := w.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(7 * time.Second)
	_, after := s.balancer.Connections(w)
	if err := w.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	t.Logf("one paused: it held %d connections, and %d new ones went to it", held, after-before)
	return func() int { return held + after - before }
}
