// Package validate holds the rules: it says what is wrong with the values of a Spegel release.
//
// It is pure. Values and a policy go in, findings come out; there is no I/O, no clock, no logging and
// no client, so every door of the project (webhook, check, audit) comes to the same decision. Of
// Kubernetes it may import nothing but k8s.io/apimachinery/pkg/util/validation/field, and of the project pkg/certainty.
//
// The list of findings is the whole answer: there is no flag beside it that could disagree. A rule is
// one file, rule_<id>.go, and registry.go lists them in the order in which findings are reported.
//
// What Spegel and its chart do with a value was read at v0.0.14 to v0.7.4.
package validate
