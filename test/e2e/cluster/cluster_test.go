package cluster_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
)

// abandon makes this test binary start a control plane, print its directory and wait to be killed.
const abandon = "SPEGEL_GUARD_TEST_ABANDON"

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard()) // envtest's own steps
	if os.Getenv(abandon) != "" {
		c, err := cluster.Start(context.Background(), cluster.Options{})
		if err != nil {
			fmt.Fprintln(os.Stdout, err)
			os.Exit(1)
		}
		fmt.Fprintln(os.Stdout, c.Dir(), c.Config().Host)
		select {}
	}
	os.Exit(m.Run())
}

func start(t *testing.T, o cluster.Options) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.Dir()); !os.IsNotExist(err) {
			t.Errorf("the cluster's directory is still there: %v", err)
		}
	})
	return c
}

func TestControlPlane(t *testing.T) {
	t.Parallel()
	crds, err := cluster.HelmReleaseCRD()
	if err != nil {
		t.Fatal(err)
	}
	releases := schema.GroupResource{Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases"}
	c := start(t, cluster.Options{CRDs: []string{crds}, Audit: cluster.AuditPolicy(releases)})

	if got := clustertest.Kubectl(t, c, "get", "helmreleases", "--all-namespaces"); got.ExitCode != 0 || got.Output != "No resources found\n" {
		t.Errorf("the HelmRelease resource is not served: %+v", got)
	}
	if got := clustertest.Kubectl(t, c, "get", "helmrelease", "absent"); got.ExitCode != 1 || !strings.Contains(got.Output, "NotFound") {
		t.Errorf("expected kubectl's own status and message for an absent object, got %+v", got)
	}

	role := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
		"metadata": map[string]any{"name": "reader"},
		"rules": []any{map[string]any{
			"apiGroups": []any{""}, "resources": []any{"configmaps"}, "verbs": []any{"get"},
		}},
	}}
	binding := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
		"metadata": map[string]any{"name": "reader"},
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}},
	}}
	if err := c.Apply(t.Context(), role, binding); err != nil {
		t.Fatal(err)
	}
	reader, err := c.ServiceAccountKubeconfig("default", "reader")
	if err != nil {
		t.Fatal(err)
	}
	for resource, want := range map[string]string{"configmaps": "yes\n", "secrets": "no\n"} {
		got := clustertest.Kubectl(t, c, "--kubeconfig="+reader, "auth", "can-i", "get", resource)
		if !strings.HasSuffix(got.Output, want) {
			t.Errorf("can the service account get %s? expected %q, got %+v", resource, want, got)
		}
	}

	events, err := c.AuditEvents()
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		if event.Verb == "get" && event.ObjectRef != nil && event.ObjectRef.Name == "absent" && event.ResponseObject != nil {
			return
		}
	}
	t.Errorf("none of %d audit events is the request for the absent HelmRelease with its answer", len(events))
}

func TestNothingOutlivesAnOwnerThatWasKilled(t *testing.T) {
	t.Parallel()
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), abandon+"=1")
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	dir, host, ok := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || !ok {
		t.Fatalf("the owner did not come up: %s%v", line, err)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()

	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := os.Stat(dir)
		if os.IsNotExist(err) && !listens(t, host) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("10 s after the owner was killed, the API server listens (%t) or its directory is there (%v)", listens(t, host), err)
		}
	}
}

// listens says whether something accepts connections at the address of a URL.
func listens(t *testing.T, base string) bool {
	t.Helper()
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", address.Host)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
