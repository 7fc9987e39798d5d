package cli

import (
	"errors"
	"strings"
	"testing"
)

// What can't be published fails the audit, but never hides a denial.
func TestUnpublished(t *testing.T) {
	t.Parallel()
	refused := errors.New("namespace is being terminated")
	for name, test := range map[string]struct{ verdict, published, want error }{
		"all is well":               {nil, nil, nil},
		"denied":                    {errDenied, nil, errDenied},
		"not published":             {nil, refused, refused},
		"denied, and not published": {errDenied, refused, errDenied},
	} {
		var stderr strings.Builder
		got := unpublished(test.verdict, test.published, &stderr)
		if !errors.Is(got, test.want) {
			t.Errorf("%s: %v; want %v", name, got, test.want)
		}
		if said := strings.Contains(stderr.String(), refused.Error()); said != (test.verdict != nil && test.published != nil) {
			t.Errorf("%s: says %q", name, stderr.String())
		}
	}
}
