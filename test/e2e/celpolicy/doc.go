// Package celpolicy is what the CEL policies (manifests/components/validating-admission-policy) is measured with: releases, what the
// webhook says to each of them, and the list of those about which the CEL policies can't say the same. The tests of the
// manifests evaluate the policies in-process, with the CEL of the oldest Kubernetes; the end-to-end tests ask the
// API server.
package celpolicy
