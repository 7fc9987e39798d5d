// Package admission is the webhook: an AdmissionReview comes in, the release under review is resolved
// and judged, and a response goes out.
//
// Every denial is 403 Forbidden: kustomize-controller takes 409, 422 and any text about immutability
// for a reason to delete and recreate the object, which for Spegel means to uninstall it. It never
// logs a body or a value, never writes to the cluster, and never reviews a deletion. It may import
// pkg/release, pkg/policy and pkg/validate.
package admission

// Path is where the webhook answers, named after the group, version and kind as controller-runtime does.
const Path = "/validate-helm-toolkit-fluxcd-io-v2-helmrelease"
