package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestDaemonSetPolicyOnTheAPIServer runs the corpus of DaemonSets past the CEL policies on the real API server.
func TestDaemonSetPolicyOnTheAPIServer(t *testing.T) {
	t.Parallel()
	const ns = "cel-daemonsets"
	cases, err := parity.DaemonSets()
	if err != nil {
		t.Fatal(err)
	}
	c, warnings := warnedClient(t)
	namespace(t, ns)
	// what is changed was there before the policies came
	name := func(i int) string { return fmt.Sprint("case-", i) }
	for i, tc := range cases {
		if tc.Old != nil {
			if err := c.Create(t.Context(), tc.Object(name(i), ns, tc.Old)); err != nil {
				t.Fatal(err)
			}
		}
	}
	decideByCEL(t, ns, "own", parity.PrivateRegistry)
	send := func(name string, tc parity.DaemonSet, pod *corev1.PodSpec) (denied string, said []string) {
		t.Helper()
		warnings.take()
		ds := tc.Object(name, ns, pod)
		if tc.Old != nil {
			err = c.Update(t.Context(), ds, client.DryRunAll)
		} else {
			err = c.Create(t.Context(), ds, client.DryRunAll)
		}
		for _, w := range warnings.take() {
			if rest, ok := strings.CutPrefix(w, "Validation failed for ValidatingAdmissionPolicy 'spegel-guard-daemonsets-warnings'"); ok {
				said = append(said, rest)
			}
		}
		status := apierrors.APIStatus(nil)
		if err != nil && (!errors.As(err, &status) || status.Status().Code != http.StatusForbidden) {
			t.Fatalf("%s: want 403: %v", tc.Name, err)
		}
		if err != nil {
			var byPolicy bool
			if _, denied, byPolicy = strings.Cut(err.Error(), "ValidatingAdmissionPolicy 'spegel-guard-daemonsets' with binding "); !byPolicy {
				t.Fatalf("%s: refused, and not by the policy: %v", tc.Name, err)
			}
		}
		return denied, said
	}
	eventually(t, "the policies for DaemonSets decide", func() bool {
		private := parity.ChartPod("v0.7.4", "https://probe.invalid")
		served := private.DeepCopy()
		served.InitContainers = nil
		denied, _ := send("probe", parity.DaemonSet{}, private)
		_, said := send("probe", parity.DaemonSet{}, served)
		return denied != "" && len(said) > 0
	})
	for i, tc := range cases {
		denied, said := send(name(i), tc, tc.Pod)
		if tc.CEL != "" {
			if denied != "" {
				t.Errorf("%s: denied, while it is said that %s: %s", tc.Name, tc.CEL, denied)
			}
			continue
		}
		if err := tc.CheckCEL(denied, said); err != nil {
			t.Errorf("%s: %v\ndenied %q, warnings %q, evaluations that failed:\n%s", tc.Name, err, denied, said, failedEvaluations(t))
		}
	}
	if counted := failedEvaluations(t); !strings.Contains(counted, `policy="spegel-guard-daemonsets"`) {
		t.Errorf("that one case costs too much is not counted: %q", counted)
	}
}

// failedEvaluations is what the API server counts of the policies for DaemonSets where an expression failed, which admits.
func failedEvaluations(t *testing.T) string {
	t.Helper()
	var counted strings.Builder
	for line := range strings.Lines(kubectl(t, "get", "--raw", "/metrics").Output) {
		if strings.HasPrefix(line, "apiserver_validating_admission_policy_check_total{") && strings.Contains(line, "spegel-guard-daemonsets") &&
			strings.Contains(line, `enforcement_action="allow"`) && !strings.Contains(line, `error_type="no_error"`) {
			counted.WriteString(line)
		}
	}
	return counted.String()
}
