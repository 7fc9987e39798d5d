package admission

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

const (
	// maxLines and maxCauses bound a denial: Flux keeps the message in a condition of at most 32 KiB, beside
	// those of other objects. What is left out is counted.
	maxLines  = 20
	maxCauses = 100
	// maxWarning and maxWarnings keep warnings below the API server's own limits of 256 characters and 4 KiB.
	maxWarning  = 120
	maxWarnings = 20
)

// wayOut is added where a value comes from another object. Flux dry-runs a release before it applies
// anything, so a commit that mends the object is judged by the object as it still is.
const wayOut = "If a commit mends this object and is refused all the same, apply the object with kubectl first, or suspend the release in that commit."

// problem is one line of a denial.
type problem struct{ field, text, rule string }

// deny answers 403 Forbidden with every finding at once.
func deny(req *admissionv1.AdmissionRequest, res release.Result, pol *policy.Policy) admission.Response {
	var rules []validate.Finding
	var problems []problem
	for _, f := range res.Denied() {
		rules = append(rules, f.Finding)
		problems = append(problems, problem{f.Field(), f.Text() + "; " + f.Fix, f.Rule})
	}
	headline := validate.Headline(rules)
	if pol.Unresolved == policy.UnresolvedDeny {
		for _, ref := range res.Unresolved {
			problems = append(problems, problem{
				name(ref), ref.Reason + ", so what Spegel would mirror is not known; make it readable or set the list in spec.values", "unresolved",
			})
		}
		if headline == "" {
			headline = fmt.Sprintf("Spegel's values can't be seen in full, and the policy asks for that (%d unresolved)", len(problems))
		}
	}

	lines := []string{headline + ":"}
	details := &metav1.StatusDetails{
		Group: helmv2.GroupVersion.Group, Kind: "helmreleases", Name: req.Name,
	}
	for i, p := range problems {
		if i < maxLines {
			lines = append(lines, fmt.Sprintf("- %s: %s [%s]", p.field, p.text, p.rule))
		}
		if i < maxCauses {
			details.Causes = append(details.Causes, metav1.StatusCause{
				Type: metav1.CauseTypeFieldValueInvalid, Field: p.field, Message: fmt.Sprintf("%s [%s]", p.text, p.rule),
			})
		}
	}
	if more := len(problems) - maxLines; more > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", more))
	}
	if slices.ContainsFunc(res.Denied(), func(f release.Finding) bool { return f.Origin.Kind != "" }) {
		lines = append(lines, wayOut)
	}

	resp := admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{
		Result: &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
			Message: strings.Join(lines, "\n"), Details: details,
		},
	}}
	resp.Warnings = warnings(release.Result{Findings: res.Warned(), Unresolved: res.Unresolved})
	return resp
}

// warnings tells the findings of an admitted release, each in at most 120 characters.
func warnings(res release.Result) []string {
	var all []string
	for _, f := range res.Findings {
		all = append(all, shorten(fmt.Sprintf("%s: %s: %s", f.Rule, f.Field(), f.Text())))
	}
	for _, ref := range res.Unresolved {
		all = append(all, shorten(fmt.Sprintf("unresolved: %s: %s", name(ref), ref.Reason)))
	}
	if more := len(all) - maxWarnings; more > 0 {
		all = append(all[:maxWarnings], fmt.Sprintf("and %d more findings", more))
	}
	return all
}

// restartHint is the warning after a change of the mirror list.
func restartHint(hr *helmv2.HelmRelease) string {
	namespace, name := hr.GetReleaseNamespace(), hr.GetReleaseName()
	hint := fmt.Sprintf("nodes keep the old mirrors until Spegel restarts: kubectl -n %s rollout restart ds/%s", namespace, name)
	unfit := len(validation.IsDNS1123Subdomain(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0
	if unfit || len(hint) > maxWarning { // a command to copy must be whole, and nothing but a command
		return "nodes keep the old mirrors until Spegel restarts: kubectl rollout restart its DaemonSet"
	}
	return hint
}

func name(ref release.Reference) string {
	if ref.Source {
		key := ""
		if ref.Key != "" {
			key = " key " + validate.Clean(ref.Key)
		}
		return fmt.Sprintf("source %s %s/%s%s", validate.Clean(ref.Kind), validate.Clean(ref.Namespace), validate.Clean(ref.Name), key)
	}
	return fmt.Sprintf("valuesFrom %s %s/%s key %s", validate.Clean(ref.Kind), validate.Clean(ref.Namespace), validate.Clean(ref.Name), validate.Clean(ref.Key))
}

func shorten(s string) string {
	if len(s) <= maxWarning {
		return s
	}
	return s[:maxWarning-3] + "..."
}
