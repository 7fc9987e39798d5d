package parity

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// Policy is the policy under which the case is judged.
func (c Case) Policy() (*policy.Policy, error) {
	p, err := policy.Load("", c.PrivateRegistries)
	if err == nil && c.UnresolvedPolicy != "" {
		p.Unresolved = policy.Unresolved(c.UnresolvedPolicy)
	}
	return p, err
}

// Check compares the webhook's response to a CREATE with what is wanted.
func (c Case) Check(resp *admissionv1.AdmissionResponse) error {
	if denied := c.Verdict == "deny"; resp.Allowed == denied {
		return fmt.Errorf("allowed is %t; want verdict %s\n%+v", resp.Allowed, c.Verdict, resp.Result)
	}
	var got []Finding
	if !resp.Allowed {
		if resp.Result.Code != http.StatusForbidden {
			return fmt.Errorf("code %d; want 403", resp.Result.Code)
		}
		for _, cause := range resp.Result.Details.Causes {
			if rule := ruleOf(cause.Message); rule != "unresolved" {
				got = append(got, Finding{rule, cause.Field})
			}
		}
	}
	var unresolved []string
	for _, w := range resp.Warnings {
		if rest, ok := strings.CutPrefix(w, "unresolved: "); ok {
			_, ref, _ := strings.Cut(rest, " ") // after valuesFrom or source
			ref, _, _ = strings.Cut(ref, ": ")
			ref, _, _ = strings.Cut(ref, " key ")
			unresolved = append(unresolved, ref)
			continue
		}
		rule, rest, _ := strings.Cut(w, ": ")
		field, _, _ := strings.Cut(rest, ": ")
		if i := strings.Index(rest, ": spegel."); strings.HasPrefix(rest, "valuesFrom ") && i >= 0 {
			more, _, _ := strings.Cut(rest[i+2:], ": ")
			field = rest[:i+2] + more
		}
		got = append(got, Finding{rule, field})
	}
	if diff := cmp.Diff(c.Findings, got); diff != "" {
		return fmt.Errorf("findings (-want +got):\n%s", diff)
	}
	slices.Sort(unresolved)
	if diff := cmp.Diff(c.Unresolved, unresolved); diff != "" {
		return fmt.Errorf("unresolved (-want +got):\n%s", diff)
	}
	return nil
}

// ruleOf reads the rule's id from the end of a cause, as in "... [empty-mirror-list]".
func ruleOf(message string) string {
	return strings.TrimSuffix(message[strings.LastIndexByte(message, '[')+1:], "]")
}
