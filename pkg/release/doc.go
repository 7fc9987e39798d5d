// Package release turns a Flux HelmRelease into what the rules need: whether it is Spegel's, the
// values that Helm would be given, what of them is certain, and where each comes from. It reads from
// top to bottom:
//
//	identity.go    is it a release of Spegel?
//	references.go  what spec.valuesFrom names is read, within limits
//	layers.go      what references and spec.values set, as trees
//	values.go      the layers laid over each other, over what the chart itself brings
//	findings.go    the rules run over that; findings, the layers that they come from, and what left them undecided
//
// A part that could not be read is a layer that may set anything: what lies below it becomes unknown, and
// what a later layer sets is known again (pkg/certainty). The rules answer for known nodes. So a finding is
// certain because the node that it is about was set by a layer that could be read, above all that could not.
// docs/adr/0004 states the model and what it gives up.
//
// Objects that a HelmRelease names are read one by one through a Reader; nothing is listed, watched or
// kept. To ask how a release would be judged if an object were another one, or were not read, wrap the Reader.
//
// The package never logs, and it never shows anything out of a Secret but the private host that a rule
// matched. Of the project it may import pkg/certainty and pkg/validate.
package release
