package validate_test

import (
	"fmt"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// The incident that the project is named for: the list stands under a key that the chart ignores.
func ExampleValidate() {
	values := map[string]any{
		"spegel": map[string]any{"registries": []any{"https://docker.io"}},
	}
	findings, _ := validate.Validate(validate.Input{Values: values}, validate.Policy{})
	fmt.Println(validate.Headline(findings))
	for _, f := range findings {
		fmt.Printf("%s: %s\n  %s: %s\n", f.Severity, f.Rule, f.Path, f.Text())
	}
	// Output:
	// Spegel would stand between containerd and your private registries (2 problems)
	// deny: legacy-registries-key
	//   spegel.registries: Spegel's chart ignores this key since v0.1.0
	// deny: empty-mirror-list
	//   spegel.mirroredRegistries: not set, so Spegel answers for every registry, the private ones included, and their pulls may fail with "not found"
}

// A policy names the private registries and may change how severe a rule is.
func ExampleValidate_policy() {
	harbor, err := validate.ParseRegistry("harbor.example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := validate.Policy{
		PrivateRegistries: []validate.Registry{harbor},
		Severities:        map[string]validate.Severity{"private-registry-mirrored": validate.Warn},
	}
	values := map[string]any{
		"spegel": map[string]any{"mirroredRegistries": []any{"https://docker.io", "https://Harbor.example.com:8443"}},
	}
	found, _ := validate.Validate(validate.Input{Values: values}, policy)
	for _, f := range found {
		fmt.Printf("%s: %s\n%s %s\n%s\n", f.Severity, f.Path, f.Value, f.Message, f.Fix)
	}
	// Output:
	// warn: spegel.mirroredRegistries[1]
	// "https://Harbor.example.com:8443" names the private registry harbor.example.com, so containerd asks Spegel first for its images, and their pulls may fail with "not found"
	// remove the entry, or set prependExisting: true and let the policy warn of it
}

func ExampleParseRegistry() {
	for _, name := range []string{"Harbor.example.com.:8443", "*.internal.example.com", "https://harbor.example.com"} {
		r, err := validate.ParseRegistry(name)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Println(r)
	}
	// Output:
	// harbor.example.com:8443
	// *.internal.example.com
	// error: has a scheme; want host, host:port or *.domain
}
