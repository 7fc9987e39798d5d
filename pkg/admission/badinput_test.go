package admission_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
)

func TestBadInput(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	valid := func(t *testing.T, change func(*admissionv1.AdmissionRequest)) []byte {
		t.Helper()
		req := review(t, admissionv1.Create, object(t, bad), nil)
		change(req)
		return body(t, req)
	}
	cases := map[string]struct {
		contentType string
		body        func(*testing.T) []byte
		status      int
		message     string
	}{
		"a body that is no JSON": {
			body: func(*testing.T) []byte { return []byte(`{"hunter2`) }, status: 400, message: "expected an AdmissionReview of admission.k8s.io/v1: body is not JSON of that form: ",
		},
		"a body that is another object": {
			body: func(*testing.T) []byte {
				return []byte(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"hunter2"}}`)
			}, status: 400, message: "expected an AdmissionReview of admission.k8s.io/v1: body has another apiVersion or kind",
		},
		"a review without a request": {
			body: func(*testing.T) []byte {
				return []byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`)
			}, status: 400, message: "body has no request with a uid",
		},
		"an empty body": {
			body: func(*testing.T) []byte { return nil }, status: 400, message: "body is empty",
		},
		"8 MiB": {
			body: func(t *testing.T) []byte {
				t.Helper()
				return valid(t, func(r *admissionv1.AdmissionRequest) {
					r.Object.Raw = []byte(`{"x":"` + strings.Repeat("hunter2 ", 1<<20) + `"}`)
				})
			}, status: 400, message: "body is larger than 7340032 bytes",
		},
		"another content type": {
			contentType: "application/yaml", body: func(t *testing.T) []byte { t.Helper(); return valid(t, func(*admissionv1.AdmissionRequest) {}) }, status: 400, message: "content type is not application/json",
		},
		"another kind of object": {
			body: func(t *testing.T) []byte {
				t.Helper()
				return valid(t, func(r *admissionv1.AdmissionRequest) { r.Kind.Kind = secret })
			},
			status:  200,
			message: "expected a HelmRelease of helm.toolkit.fluxcd.io/v2",
		},
		"no object": {
			body: func(t *testing.T) []byte {
				t.Helper()
				return valid(t, func(r *admissionv1.AdmissionRequest) { r.Object.Raw = nil })
			},
			status:  200,
			message: "expected a HelmRelease of helm.toolkit.fluxcd.io/v2 as the object",
		},
		"an object of another shape": {
			body: func(t *testing.T) []byte {
				t.Helper()
				return valid(t, func(r *admissionv1.AdmissionRequest) { r.Object.Raw = []byte(`{"spec":"hunter2"}`) })
			},
			status:  200,
			message: "expected a HelmRelease of helm.toolkit.fluxcd.io/v2 as the object",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, newPolicy(t, ""), nil)
			contentType := c.contentType
			if contentType == "" {
				contentType = "application/json"
			}
			status, resp := s.post(t, contentType, bytes.NewReader(c.body(t)))
			if status != c.status || resp.Allowed || resp.Result.Code != http.StatusBadRequest || !strings.Contains(resp.Result.Message, c.message) {
				t.Errorf("HTTP %d, %+v; want HTTP %d, code 400, message %q", status, resp.Result, c.status, c.message)
			}
			if n := strings.Count(s.logs.String(), "\n"); n != 1 || strings.Contains(s.logs.String(), secret) {
				t.Errorf("want one log line without the body, got:\n%s", s.logs)
			}
			counted := s.total(t, "spegel_guard_bad_requests_total") + s.count(t, "spegel_guard_reviews_total", "verdict")["error"]
			if counted != 1 {
				t.Errorf("counted %v times; want once", counted)
			}
		})
	}
}

func TestValuesOfAnyTypeAreJudged(t *testing.T) {
	t.Parallel()
	for values, field := range map[string]string{
		`"x"`: "spec.values", `[]`: "spec.values", `5`: "spec.values",
		`{"spegel": "x"}`: "spec.values.spegel", `{"spegel": null}`: "spec.values.spegel", `{"spegel": [1]}`: "spec.values.spegel",
		`null`: "spec.values.spegel.mirroredRegistries", `{}`: "spec.values.spegel.mirroredRegistries",
		`{"spegel": {"mirroredRegistries": {}}}`: "spec.values.spegel.mirroredRegistries",
	} {
		req := review(t, admissionv1.Create, object(t, good), nil)
		req.Object.Raw = bytes.Replace(req.Object.Raw, []byte(`{"spegel":{"mirroredRegistries":["https://docker.io"]}}`), []byte(values), 1)
		resp := serve(t, newPolicy(t, ""), nil).ask(t, req)
		if resp.Allowed || resp.Result.Code != 403 || resp.Result.Details.Causes[0].Field != field {
			t.Errorf("values %s: %+v; want a denial at %s", values, resp.Result, field)
		}
	}
}

// total is the value of a counter without labels.
func (s *server) total(t testing.TB, name string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}
