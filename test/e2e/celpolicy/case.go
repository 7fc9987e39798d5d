package celpolicy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Case is one release and what the webhook says to its creation.
type Case struct {
	Name string
	// Release is a HelmRelease, as an API client sends it.
	Release           map[string]any
	PrivateRegistries []string
	// Denied reports whether the webhook denies it, Rules which rules it names then, sorted.
	Denied bool
	Rules  []string
	// Warned are the rules that it warns of, sorted.
	Warned []string
}

// judge has the webhook's own packages decide.
func (c *Case) judge(reader release.Reader) error {
	text, err := json.Marshal(c.Release)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	var hr helmv2.HelmRelease
	if err := json.Unmarshal(text, &hr); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	pol, err := policy.Load("", c.PrivateRegistries)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	rel := release.Resolve(context.Background(), &hr, release.Options{Charts: pol.Charts, Reader: reader, Create: true})
	if rel == nil || rel.Suspended {
		return nil
	}
	res := rel.Evaluate(pol.Policy)
	c.Rules, c.Warned = rulesOf(res.Findings, validate.Deny), rulesOf(res.Findings, validate.Warn)
	c.Denied = len(c.Rules) > 0
	return nil
}

// rulesOf lists the rules of findings of a severity, each once, sorted.
func rulesOf(findings []release.Finding, severity validate.Severity) (rules []string) {
	for i := range findings {
		if findings[i].Severity == severity {
			rules = append(rules, findings[i].Rule)
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// Check compares the denial of the CEL policies with the webhook's; an empty one is an admission. It is an error if one of them denies
// and the other does not, unless the list of differences says so, and if the CEL policies name a rule that
// the webhook does not.
func (c Case) Check(denial string) error {
	d, listed := differences[c.Name]
	want := c.Denied
	if listed {
		want = d.denied
	}
	switch {
	case listed && d.denied == c.Denied:
		return fmt.Errorf("the list of differences names it, but there is none: %s", d.reason)
	case want && denial == "":
		return fmt.Errorf("admitted; the webhook denies it for %v", c.Rules)
	case !want && denial != "":
		return fmt.Errorf("denied, while the webhook admits it or the list of differences wants it admitted: %s", denial)
	}
	for rule := range RulesOf(denial) {
		if !slices.Contains(c.Rules, rule) && !listed {
			return fmt.Errorf("names %s; the webhook names %v: %s", rule, c.Rules, denial)
		}
	}
	return nil
}

// CheckWarnings compares the rules that the warnings of the CEL policies name with those that the webhook warns of, except for what the list of
// differences allows. A release with references, or suspended, is not compared.
func (c Case) CheckWarnings(said []string) error {
	spec, _ := c.Release["spec"].(map[string]any)
	if _, references := spec["valuesFrom"]; references || spec["suspend"] == true {
		return nil
	}
	var named []string
	for _, w := range said {
		if strings.HasPrefix(w, "spec.values") {
			named = slices.AppendSeq(named, RulesOf(w))
		}
	}
	slices.Sort(named)
	want := slices.DeleteFunc(slices.Clone(c.Warned), func(rule string) bool { return slices.Contains(unsaid[c.Name], rule) })
	if named = slices.Compact(named); !slices.Equal(named, want) {
		return fmt.Errorf("warns of %v, want %v; the webhook warns of %v: %q", named, want, c.Warned, said)
	}
	return nil
}

// RulesOf yields the rules that a denial of the CEL policies names.
func RulesOf(denial string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for part := range strings.SplitSeq(denial+" - ", "] - ") {
			if i := strings.LastIndexByte(part, '['); i >= 0 && !yield(part[i+1:]) {
				return
			}
		}
	}
}
