package admission_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestDaemonSetParity judges the corpus of DaemonSets over HTTP.
func TestDaemonSetParity(t *testing.T) {
	t.Parallel()
	cases, err := parity.DaemonSets()
	if err != nil {
		t.Fatal(err)
	}
	pol, err := policy.Load("", []string{parity.PrivateRegistry})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			object := func(pod *corev1.PodSpec) *unstructured.Unstructured {
				if pod == nil {
					return nil
				}
				content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c.Object("spegel", "kube-system", pod))
				if err != nil {
					t.Fatal(err)
				}
				return &unstructured.Unstructured{Object: content}
			}
			s := serve(t, pol, nil)
			resp := s.ask(t, daemonSetReview(t, object(c.Pod), object(c.Old)))
			checkText(t, resp)
			if diff := cmp.Diff(map[string]float64{c.Verdict: 1}, s.count(t, "spegel_guard_reviews_total", "verdict")); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if c.Verdict == "deny" {
				var got []parity.Finding
				for _, cause := range resp.Result.Details.Causes {
					rule := strings.TrimSuffix(cause.Message[strings.LastIndexByte(cause.Message, '[')+1:], "]")
					got = append(got, parity.Finding{Rule: rule, Field: cause.Field})
				}
				if diff := cmp.Diff(c.Denied(), got); diff != "" || resp.Result.Code != http.StatusForbidden {
					t.Errorf("code %d, causes (-want +got):\n%s", resp.Result.Code, diff)
				}
			}
			if unread := strings.Count(strings.Join(resp.Warnings, "\n"), "unresolved: "); c.Verdict != "deny" && unread != len(c.Unresolved) {
				t.Errorf("%d unresolved in %q; want %q", unread, resp.Warnings, c.Unresolved)
			}
		})
	}
}
