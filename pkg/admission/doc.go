// Package admission is the webhook: an AdmissionReview comes in, what is under review (a release, an object that releases take
// values from, or Spegel's DaemonSet) is judged, and a response goes out.
//
// Every denial is 403 Forbidden: kustomize-controller takes 409, 422 and any text about immutability
// for a reason to delete and recreate the object, which for Spegel means to uninstall it. It never
// logs a body or a value, never writes to the cluster, and never reviews a deletion. Of the project it may
// import pkg/release, pkg/daemonset, pkg/rollout, pkg/policy, pkg/validate and pkg/pages.
package admission

// Where the webhook answers, named after the group, version and kind as controller-runtime does. Kinds have paths of their own: a
// replica that does not know one yet answers 404, which is no refusal.
const (
	Path          = "/validate-helm-toolkit-fluxcd-io-v2-helmrelease"
	ConfigMapPath = "/validate--v1-configmap"
	SecretPath    = "/validate--v1-secret" //nolint:gosec // no secret, but the name of its kind
	DaemonSetPath = "/validate-apps-v1-daemonset"
)
