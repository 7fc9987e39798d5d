package admission

import (
	"fmt"
	"net/http"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

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

// deny answers 403 Forbidden with every problem at once.
func deny(req *admissionv1.AdmissionRequest, out outcome) admission.Response {
	lines := []string{out.headline + ":"}
	details := &metav1.StatusDetails{Group: req.Kind.Group, Kind: strings.ToLower(req.Kind.Kind) + "s", Name: req.Name}
	for i, p := range out.problems {
		if i < maxLines {
			lines = append(lines, fmt.Sprintf("- %s: %s [%s]", p.field, p.text, p.rule))
		}
		if i < maxCauses {
			details.Causes = append(details.Causes, metav1.StatusCause{
				Type: metav1.CauseTypeFieldValueInvalid, Field: p.field, Message: fmt.Sprintf("%s [%s]", p.text, p.rule),
			})
		}
	}
	if more := len(out.problems) - maxLines; more > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", more))
	}
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{
		Result: &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
			Message: strings.Join(lines, "\n"), Details: details,
		},
		Warnings: bounded(out.warnings),
	}}
}

// bounded cuts warnings as the API server would, where it shows: each to 120 characters, and no more of them than have room.
func bounded(all []string) []string {
	var kept []string
	for _, w := range all[:min(len(all), maxWarnings)] {
		kept = append(kept, shorten(w))
	}
	if more := len(all) - maxWarnings; more > 0 {
		kept = append(kept, fmt.Sprintf("and %d more findings", more))
	}
	return kept
}

// restartHint is the warning after a change of the mirror list.
func restartHint(hr *helmv2.HelmRelease) string {
	namespace, name := hr.GetReleaseNamespace(), hr.GetReleaseName()
	hint := fmt.Sprintf("nodes keep the old mirrors until Spegel restarts: kubectl -n %s rollout restart ds/%s", namespace, name)
	unfit := len(validation.IsDNS1123Subdomain(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0
	another := !strings.Contains(name, "spegel")    // the chart calls the DaemonSet as the release only if that has its own name in it
	if unfit || another || len(hint) > maxWarning { // a command to copy must be whole, and nothing but a command
		return "nodes keep the old mirrors until Spegel restarts: kubectl rollout restart its DaemonSet"
	}
	return hint
}

func name(ref release.Reference) string {
	if ref.Source || ref.Chart {
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
