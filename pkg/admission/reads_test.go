package admission_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// counting is a reader with one good ConfigMap under every name.
type counting struct{ reads atomic.Int32 }

func (c *counting) Get(_ context.Context, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	c.reads.Add(1)
	if cm, ok := obj.(*corev1.ConfigMap); ok {
		cm.Data = map[string]string{"values.yaml": `spegel: {mirroredRegistries: ["https://docker.io"]}`}
	}
	return nil
}

// TestAnUpdateReadsEachObjectOnce, although old and new object name it both.
func TestAnUpdateReadsEachObjectOnce(t *testing.T) {
	t.Parallel()
	from := []any{map[string]any{"kind": "ConfigMap", "name": "spegel-values"}, map[string]any{"kind": "ConfigMap", "name": "spegel-values"}}
	before := with(object(t, good), from, "spec", "valuesFrom")
	after := with(before, []any{"https://ghcr.io"}, "spec", "values", "spegel", "mirroredRegistries")
	reader := &counting{}
	resp := serve(t, newPolicy(t, ""), reader).ask(t, review(t, admissionv1.Update, after, before))
	if !resp.Allowed || len(resp.Warnings) != 1 || reader.reads.Load() != 1 {
		t.Errorf("allowed %t, warnings %q, %d reads; want one read", resp.Allowed, resp.Warnings, reader.reads.Load())
	}
}

// TestFieldsOfOthersAreNotRead: what the guard does not look at can't make it refuse.
func TestFieldsOfOthersAreNotRead(t *testing.T) {
	t.Parallel()
	odd := with(object(t, bad), "99999999999h", "spec", "interval")
	s := serve(t, newPolicy(t, ""), nil)
	if resp := s.ask(t, review(t, admissionv1.Update, with(odd, true, "spec", "suspend"), odd)); !resp.Allowed {
		t.Errorf("a suspension is refused: %+v", resp.Result)
	}
	if resp := s.ask(t, review(t, admissionv1.Update, with(odd, "x", "metadata", "deletionTimestamp"), odd)); !resp.Allowed {
		t.Errorf("an object that is being deleted is refused: %+v", resp.Result)
	}
	if resp := s.ask(t, review(t, admissionv1.Create, odd, nil)); resp.Allowed || resp.Result.Code != 403 {
		t.Errorf("a bad release is not refused for what it is: %+v", resp.Result)
	}
}

// TestTheHintIsACommandOrNone: a release name that is no name, too long, or not that of the DaemonSet does not get into a command to copy.
func TestTheHintIsACommandOrNone(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"spegel": true, "spegel;reboot\nWarning: y": false, "spegel-" + strings.Repeat("a", 46): false, "p2p": false} {
		after := with(object(t, good), name, "spec", "releaseName")
		after = with(after, []any{"https://ghcr.io"}, "spec", "values", "spegel", "mirroredRegistries")
		resp := serve(t, newPolicy(t, ""), nil).ask(t, review(t, admissionv1.Update, after, object(t, good)))
		checkText(t, resp)
		if got := strings.Contains(resp.Warnings[0], "restart ds/"+name); len(resp.Warnings) != 1 || got != want {
			t.Errorf("release name %q: %q", name, resp.Warnings)
		}
	}
}
