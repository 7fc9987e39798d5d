// Package twin is what the CEL twin (manifests/components/validating-admission-policy) is measured with: releases, what the
// webhook says to each of them, and the list of those about which the twin can't say the same. The tests of the
// manifests evaluate the twin in-process, with the CEL of the oldest Kubernetes; the end-to-end tests ask the
// API server.
package twin
