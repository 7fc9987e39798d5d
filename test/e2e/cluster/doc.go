// Package cluster runs a real Kubernetes control plane (etcd and kube-apiserver) on loopback, the webhook
// as a child process beside it, and kubectl against both. The end-to-end tests, the benchmarks and the
// demo share it, so that what the demo shows is what the tests prove.
//
// Everything it starts listens on 127.0.0.1, on ports that were free, and lives in one temporary
// directory. Nothing outlives its owner: Stop ends it in order, and a guard process ends it when the owner
// dies without calling Stop (see guard.go).
//
// It takes the webhook's arguments, policy, permissions and registration from the project's manifests, so
// that a mistake in a manifest fails a test. It must not import the packages it tests: it knows the
// program only as a binary.
package cluster
