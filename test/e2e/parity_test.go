package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestParity runs the corpus through the API server and the webhook behind it, with the objects of a
// case in the cluster and the rights of the default install. It is not parallel: the cases share
// kube-system, and one of them changes the policy.
func TestParity(t *testing.T) {
	cases, err := parity.Cases()
	if err != nil {
		t.Fatal(err)
	}
	c, warnings := warnedClient(t)
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "flux-system"}}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	// those with another policy come last
	slices.SortStableFunc(cases, func(a, b parity.Case) int { return strings.Compare(a.UnresolvedPolicy, b.UnresolvedPolicy) })
	policy := ""
	defer func() { setPolicy(t, testPolicy) }()
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			if want := policyOf(tc); want != policy {
				setPolicy(t, want)
				policy = want
			}
			for _, obj := range tc.Objects {
				obj := obj.DeepCopy()
				if err := c.Create(t.Context(), obj); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := c.Delete(context.WithoutCancel(t.Context()), obj); err != nil {
						t.Error(err)
					}
				})
			}
			warnings.take()
			release := tc.Release.DeepCopy()
			err := c.Create(t.Context(), release) // no dry run, which is answered otherwise
			if err == nil {
				t.Cleanup(func() {
					if err := c.Delete(context.WithoutCancel(t.Context()), release); err != nil {
						t.Error(err)
					}
				})
			}
			resp := &admissionv1.AdmissionResponse{Allowed: err == nil, Warnings: warnings.take()}
			if status := apierrors.APIStatus(nil); errors.As(err, &status) {
				result := status.Status()
				resp.Result = &result
			} else if err != nil {
				t.Fatal(err)
			}
			if err := tc.Check(resp); err != nil {
				t.Error(err)
			}
		})
	}
}

// policyOf writes a case's policy as a file.
func policyOf(c parity.Case) string {
	var b strings.Builder
	b.WriteString("apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries:\n")
	for _, r := range c.PrivateRegistries {
		fmt.Fprintf(&b, "  - %q\n", r)
	}
	if c.UnresolvedPolicy != "" {
		fmt.Fprintf(&b, "unresolved: %s\n", c.UnresolvedPolicy)
	}
	return b.String()
}

// warnedClient returns a client, and the log of the warnings that it gets.
func warnedClient(t testing.TB) (client.Client, *warningLog) {
	t.Helper()
	warnings := new(warningLog)
	config := shared.Config()
	config.WarningHandler = warnings
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c, warnings
}

// warningLog collects the warnings of API answers.
type warningLog struct {
	mu  sync.Mutex
	all []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warningLog) HandleWarningHeader(code int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if code == 299 {
		w.all = append(w.all, text)
	}
}

func (w *warningLog) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}
