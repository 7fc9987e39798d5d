package selfsigned_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// selfSigned is a control plane of its own with two replicas that make their own certificate.
type selfSigned struct {
	*cluster.SelfSigned
	cluster *cluster.Cluster
	api     *kubernetes.Clientset
}

const (
	ownSecret        = "spegel-guard-self-signed"
	ownConfiguration = "spegel-guard"
)

// TestSelfSigned installs components/self-signed, from an empty Secret and without a caBundle. Its parts follow
// one another.
func TestSelfSigned(t *testing.T) {
	t.Parallel()
	log.SetLogger(logr.Discard())
	s := startSelfSigned(t)
	t.Run("from nothing to an answer", s.answers)
	t.Run("all replicas serve the certificate of the Secret", s.agree)
	t.Run("it may do just what it does", s.permissions)
	t.Run("metrics are for whom they are granted", s.metrics)
	t.Run("applying the manifests again changes nothing", s.applyAgain)
	t.Run("a webhook of another name gets the caBundle", s.rename)
	t.Run("rotation fails no call", s.rotate)
	t.Run("what is lost comes back", s.repair)
	t.Run("it has asked for nothing else", s.audit)
}

func startSelfSigned(t *testing.T) *selfSigned {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	crds, err := cluster.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Start(t.Context(), cluster.Options{CRDs: crds, Audit: cluster.AuditPolicy(), WorkDir: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	manifests, err := cluster.Overlay(t.TempDir(), filepath.Join(root, "manifests"), "self-signed", "metrics-secure")
	if err != nil {
		t.Fatal(err)
	}
	install := cluster.WebhookOptions{Manifests: manifests, Policy: []byte(testPolicy)}
	begin := time.Now()
	started, err := c.StartSelfSigned(t.Context(), install, 2, "--self-signed-overlap=3s", "--certificate-check-interval=300ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("two replicas, one after the other, are ready after %s", time.Since(begin).Round(time.Millisecond))
	api, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	return &selfSigned{started, c, api}
}

// state returns what is kept, and what the API server trusts.
func (s *selfSigned) state(ctx context.Context) (secret *corev1.Secret, bundle []byte, err error) {
	if secret, err = s.api.CoreV1().Secrets("spegel-guard").Get(ctx, ownSecret, metav1.GetOptions{}); err != nil {
		return nil, nil, err
	}
	config, err := s.api.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, ownConfiguration, metav1.GetOptions{})
	if err != nil {
		return nil, nil, err
	}
	for _, w := range config.Webhooks {
		if !bytes.Equal(w.ClientConfig.CABundle, config.Webhooks[0].ClientConfig.CABundle) {
			return nil, nil, fmt.Errorf("webhook %s trusts another CA", w.Name)
		}
	}
	return secret, config.Webhooks[0].ClientConfig.CABundle, nil
}

// await waits until every replica serves the Secret's certificate and is trusted, and the Secret is as wanted.
func (s *selfSigned) await(t *testing.T, what string, want func(*corev1.Secret) bool) {
	t.Helper()
	var last error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		secret, bundle, err := s.state(t.Context())
		if last = err; err != nil || !want(secret) {
			continue
		}
		agreed := true
		for _, w := range s.Replicas {
			cert, err := w.Handshake(t.Context(), bundle)
			if last = err; err != nil || !bytes.Equal(secret.Data["tls.crt"], encodeCertificate(cert.Raw)) {
				agreed = false
			}
		}
		if agreed {
			return
		}
	}
	t.Fatalf("not within two minutes: %s (%v)\n%s", what, last, s.Replicas[0].Logs())
}

func (s *selfSigned) answers(t *testing.T) {
	accepted(t, s.kubectl(t, "apply", "--dry-run=server", "-f", goodFile))
	refused(t, s.kubectl(t, "apply", "--dry-run=server", "-f", badFile), "legacy-registries-key")
}

func (s *selfSigned) agree(t *testing.T) {
	s.await(t, "all replicas agree", func(*corev1.Secret) bool { return true })
}

func (s *selfSigned) permissions(t *testing.T) {
	for question, want := range map[string]string{
		"get secrets/" + ownSecret + " -n spegel-guard":                    "yes",
		"update secrets/" + ownSecret + " -n spegel-guard":                 "yes",
		"delete secrets/" + ownSecret + " -n spegel-guard":                 "no",
		"get secrets/other -n spegel-guard":                                "no",
		"get secrets/" + ownSecret + " -n default":                         "no",
		"create secrets -n spegel-guard":                                   "no",
		"list secrets -n spegel-guard":                                     "no",
		"watch secrets -n spegel-guard":                                    "no",
		"get validatingwebhookconfigurations/" + ownConfiguration:          "yes",
		"patch validatingwebhookconfigurations/" + ownConfiguration:        "yes",
		"update validatingwebhookconfigurations/" + ownConfiguration:       "no",
		"delete validatingwebhookconfigurations/" + ownConfiguration:       "no",
		"patch validatingwebhookconfigurations/other":                      "no",
		"list validatingwebhookconfigurations":                             "no",
		"create tokenreviews.authentication.k8s.io":                        "yes",
		"create localsubjectaccessreviews.authorization.k8s.io -n default": "no",
	} {
		args := append([]string{"--kubeconfig=" + s.Kubeconfig, "auth", "can-i"}, strings.Fields(question)...)
		lines := strings.Split(strings.TrimSpace(s.kubectl(t, args...).Output), "\n")
		if got := lines[len(lines)-1]; got != want {
			t.Errorf("can it %s? %s", question, got)
		}
	}
}

// applyAgain does what Flux does at every reconciliation: a server-side apply of the manifests.
func (s *selfSigned) applyAgain(t *testing.T) {
	before, bundle, err := s.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.apply(t, s.Objects...)
	after, bundleAfter, err := s.state(t.Context())
	if err != nil || after.ResourceVersion == "" || len(after.Data) == 0 || !bytes.Equal(bundle, bundleAfter) {
		t.Fatalf("the caBundle or the Secret was undone (%v)", err)
	}
	for key := range before.Data {
		if !bytes.Equal(before.Data[key], after.Data[key]) {
			t.Errorf("%s has changed", key)
		}
	}
}

// rotate forces a new CA and new certificates while calls run: reviews that go to every replica, and handshakes
// that trust the caBundle as it was a moment before.
func (s *selfSigned) rotate(t *testing.T) {
	check := s.load(t)
	for range 2 {
		before, _, err := s.state(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// a CA without its key can't sign: the next one takes its place once it is trusted
		accepted(t, s.kubectl(t, "-n", "spegel-guard", "patch", "secret", ownSecret, "--type=json", `--patch=[{"op":"remove","path":"/data/ca.key"}]`))
		s.await(t, "another CA signs", func(now *corev1.Secret) bool {
			return len(now.Data["ca.key"]) > 0 && !bytes.HasPrefix(now.Data["ca.crt"], before.Data["ca.crt"][:200])
		})
		accepted(t, s.kubectl(t, "-n", "spegel-guard", "patch", "secret", ownSecret, "--type=json", `--patch=[{"op":"remove","path":"/data/tls.crt"}]`))
		s.await(t, "another certificate is served", func(now *corev1.Secret) bool { return len(now.Data["tls.crt"]) > 0 })
	}
	check()
}

func (s *selfSigned) repair(t *testing.T) {
	check := s.load(t)
	before, _, err := s.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same := func(now *corev1.Secret) bool {
		return bytes.Equal(now.Data["ca.crt"], before.Data["ca.crt"]) && bytes.Equal(now.Data["tls.key"], before.Data["tls.key"])
	}
	accepted(t, s.kubectl(t, "-n", "spegel-guard", "patch", "secret", ownSecret, "--type=json", `--patch=[{"op":"remove","path":"/data"}]`))
	s.await(t, "the emptied Secret is filled", same)
	accepted(t, s.kubectl(t, "-n", "spegel-guard", "delete", "secret", ownSecret))
	time.Sleep(time.Second) // a few looks at nothing
	if err := s.cluster.Apply(t.Context(), s.Objects[0]); err != nil {
		t.Fatal(err)
	}
	s.await(t, "the deleted Secret is filled once it is back", same)
	check()

	accepted(t, s.kubectl(t, "patch", "validatingwebhookconfiguration", ownConfiguration, "--type=json", `--patch=[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]`))
	s.await(t, "the caBundle is back", same)
	accepted(t, s.kubectl(t, "apply", "--dry-run=server", "-f", goodFile))
}

// load makes calls until the function that it returns is called, which fails the test if one has failed.
func (s *selfSigned) load(t *testing.T) (check func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var calls, handshakes atomic.Int32
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			result, err := s.cluster.Kubectl(ctx, "apply", "--dry-run=server", "-f", goodFile)
			if ctx.Err() == nil && (err != nil || result.ExitCode != 0) {
				t.Errorf("call %d: %v %s", calls.Load(), err, result.Output)
			}
			calls.Add(1)
			time.Sleep(50 * time.Millisecond)
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			_, bundle, err := s.state(ctx)
			time.Sleep(50 * time.Millisecond)
			for i, w := range s.Replicas {
				if err == nil {
					_, err = w.Handshake(ctx, bundle)
				}
				if err != nil && ctx.Err() == nil && !strings.Contains(err.Error(), "not found") {
					t.Errorf("handshake with replica %d: %v", i, err)
				}
			}
			handshakes.Add(1)
		}
	})
	return func() {
		t.Helper()
		cancel()
		wg.Wait()
		t.Logf("%d reviews by two replicas, %d rounds of handshakes", calls.Load(), handshakes.Load())
		if calls.Load() < 3 || handshakes.Load() < 3 {
			t.Error("too few calls to prove anything")
		}
	}
}

// audit reads who asked for what: of Secrets and configurations the two objects alone, and nothing was refused.
func (s *selfSigned) audit(t *testing.T) {
	events, err := s.cluster.AuditEvents()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{
		"get secrets spegel-guard/" + ownSecret: true, "update secrets spegel-guard/" + ownSecret: true,
		"get validatingwebhookconfigurations /" + ownConfiguration: true, "patch validatingwebhookconfigurations /" + ownConfiguration: true,
		"create tokenreviews /": true, "create subjectaccessreviews /": true,
		"get ocirepositories default/spegel": true, // the release that load applies
	}
	seen := map[string]int{}
	for _, e := range events {
		if e.User.Username != webhookUser || e.ObjectRef == nil || strings.HasPrefix(e.UserAgent, "kubectl") {
			continue
		}
		request := e.Verb + " " + e.ObjectRef.Resource + " " + e.ObjectRef.Namespace + "/" + e.ObjectRef.Name
		seen[request]++
		if !allowed[request] || e.ResponseStatus.Code == 403 {
			t.Errorf("it asked for %s, and the answer was %d", request, e.ResponseStatus.Code)
		}
	}
	for request := range allowed {
		if seen[request] == 0 {
			t.Errorf("it never asked for %s, so the right to it is too much", request)
		}
	}
}
