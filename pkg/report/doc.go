// Package report turns what a check or an audit found into what a person or a machine reads: text, json,
// sarif, junit, github and markdown, one file each; where a format is mostly text, it is a template beside its file.
//
// The verdict is drawn here, from the findings and nothing else, and every format is made of the same
// Report. The same report always gives the same bytes: no clock, no environment, no network; the only
// files looked at are those that Options.ReadFile reads, for the source lines of the text format. Of the
// project it may import everything except pkg/admission, pkg/publish and pkg/cli.
package report
