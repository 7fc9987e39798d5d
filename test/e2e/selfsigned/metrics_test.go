package selfsigned_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
)

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// metrics asks for them over TLS without a token, with one that says nothing, with one of an account that may not
// see them, and with one of an account that is bound to the role of the manifests.
func (s *selfSigned) metrics(t *testing.T) {
	for _, account := range []string{"scraper", "nobody"} {
		accepted(t, s.kubectl(t, "-n", "default", "create", "serviceaccount", account))
	}
	accepted(t, s.kubectl(t, "create", "clusterrolebinding", "scraper", "--clusterrole=spegel-guard-metrics-reader", "--serviceaccount=default:scraper"))
	secret, _, err := s.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(secret.Data["ca.crt"]) // what docs/operations.md gives to Prometheus
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}, ForceAttemptHTTP2: true}}
	token := func(account string) string {
		out := accepted(t, s.kubectl(t, "-n", "default", "create", "token", account))
		return strings.TrimSpace(out)
	}
	for _, test := range []struct {
		who, token string
		want       int
	}{
		{"nobody knows who", "", http.StatusUnauthorized},
		{"a made-up token", "x.y.z", http.StatusUnauthorized},
		{"an account without the role", token("nobody"), http.StatusForbidden},
		{"an account with the role", token("scraper"), http.StatusOK},
	} {
		url := strings.Replace(s.Replicas[0].MetricsURL(), "http://", "https://", 1) + "/metrics"
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if test.token != "" {
			req.Header.Set("Authorization", "Bearer "+test.token)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != test.want {
			t.Errorf("%s: %s; want %d", test.who, resp.Status, test.want)
		}
	}
	if resp, err := http.Get(s.Replicas[0].MetricsURL() + "/metrics"); err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("metrics without TLS")
		}
	}
}
