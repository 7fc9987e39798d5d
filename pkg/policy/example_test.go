package policy_test

import (
	"fmt"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

func ExampleParse() {
	p, err := policy.Parse("policy.yaml", []byte(`
apiVersion: spegel-guard.dev/v1alpha1
kind: Policy
privateRegistries:
  - harbor.example.com:8443
  - "*.internal.example.com"
rules:
  misplaced-registries-key: deny
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.PrivateRegistries, p.Severities, p.Charts, p.Unresolved)
	// Output:
	// [harbor.example.com:8443 *.internal.example.com] map[misplaced-registries-key:deny] [spegel] warn
}

// All mistakes of a file are reported at once, each with file, line and field.
func ExampleParse_mistakes() {
	_, err := policy.Parse("policy.yaml", []byte(`
apiVersion: spegel-guard.dev/v1alpha1
kind: Policy
privateRegistries:
  - https://harbor.example.com
unresolved: never
`))
	fmt.Println(err)
	// Output:
	// policy.yaml:5: privateRegistries[0]: "https://harbor.example.com": has a scheme; want host, host:port or *.domain
	// policy.yaml:6: unresolved: "never"; want warn or deny
}
