package install_test

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// clients is enough to have calls in flight at each replica at any time.
const clients = 12

// site is the install that the faults happen to: the base, a certificate authority, and two replicas behind the Service.
type site struct {
	authority *cluster.Authority
	secret    map[string][]byte
	replicas  [2]*cluster.Webhook
	balancer  *cluster.Balancer
}

func newSite(t *testing.T) *site {
	t.Helper()
	authority, err := cluster.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	install(t, "manifests/base")
	trust(t, authority.Bundle())
	s := &site{authority: authority}
	s.issue(t)
	for i := range s.replicas {
		s.replicas[i] = start(t, s.secret, policyOfTest)
	}
	s.balancer = balance(t, s.replicas[:]...)
	waitRefused(t)
	return s
}

// issue makes a new certificate for the Service.
func (s *site) issue(t *testing.T) {
	t.Helper()
	secret, err := s.authority.Issue(dnsName)
	if err != nil {
		t.Fatal(err)
	}
	s.secret = secret
}

// trust writes the caBundle of the webhook configuration, which the base leaves to whoever brings the certificate.
func trust(t *testing.T, bundle []byte) {
	t.Helper()
	accepted(t, kubectl(t, "patch", "validatingwebhookconfiguration", service, "--type=json", "-p", fmt.Sprintf(
		`[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": %q}]`, base64.StdEncoding.EncodeToString(bundle))))
}

// waitRefused returns once the API server knows the webhook and gets an answer from it.
func waitRefused(t *testing.T) {
	t.Helper()
	api := newClient(t)
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		err = api.Create(t.Context(), helmRelease(t, "spegel", releases[1].values), client.DryRunAll)
		if apierrors.IsForbidden(err) {
			return
		}
	}
	t.Fatalf("a bad release is not refused: %v", err)
}

// TestNoRequestIsLost has clients call the API server without a pause while replicas come and go.
func TestNoRequestIsLost(t *testing.T) {
	s := newSite(t)
	l := startLoad(t, clients)
	defer func() { t.Logf("%d clients, 2 replicas\n%s", clients, l.table()) }()
	time.Sleep(time.Second) // connections to both replicas
	for _, test := range []struct {
		name string
		run  func(*testing.T, *site) (allowed func() int)
	}{
		{"undisturbed", func(*testing.T, *site) func() int { time.Sleep(2 * time.Second); return none }},
		{"rolling restart", rollingRestart},
		{"certificate rotation", rotateCertificate},
		{"policy reload", reloadPolicy},
		{"kill -9 of one", killOne},
		{"one paused for 7s", pauseOne},
	} {
		p := l.begin(test.name)
		allowed := test.run(t, s)
		got := l.end(t, p)
		if limit := allowed(); got.failed > limit {
			t.Errorf("%s: %d of %d calls failed, want at most %d:\n%q", got.name, got.failed, got.sent, limit, got.samples)
		}
		if got.sent == 0 {
			t.Errorf("%s: no call was made", got.name)
		}
		for _, w := range s.replicas {
			eventually(t, "both replicas are there again", func() bool { return s.balancer.Ready(w) })
		}
	}
}

func none() int { return 0 }

// rollingRestart does what a Deployment with maxSurge 1 and maxUnavailable 0 does: a new pod first, and when it is ready an
// old one goes. The old one is known to go only from its readiness, which is the least that a cluster does.
func rollingRestart(t *testing.T, s *site) func() int {
	ended := make(chan error, len(s.replicas))
	for i, old := range s.replicas {
		next := start(t, s.secret, policyOfTest)
		s.balancer.Add(next)
		eventually(t, "the new replica is ready", func() bool { return s.balancer.Ready(next) })
		s.replicas[i] = next
		go func() {
			err := old.Stop()
			time.Sleep(2 * cluster.ProbePeriod) // nobody tells the balancer: it has to ask
			s.balancer.Remove(old)
			ended <- err
		}()
	}
	for range s.replicas {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	return none
}
