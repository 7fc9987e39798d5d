package manifests_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// A sample that does not load would keep the webhook from starting.
func TestSamplePolicyLoads(t *testing.T) {
	t.Parallel()
	sample := the[*corev1.ConfigMap](t, render(t, "."), "spegel-guard-policy").Data["policy.yaml"]
	examples := strings.NewReplacer(": []", ":", "#  ", "  ", "#rules", "rules")
	tests := map[string]string{
		"as it is":                         sample,
		"with its examples taken into use": examples.Replace(sample),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := policy.Parse("policy.yaml", []byte(text)); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}
