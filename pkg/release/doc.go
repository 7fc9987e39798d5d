// Package release turns a Flux HelmRelease into what the rules need: whether it is Spegel's, the
// values that Helm would be given, and where each of them comes from.
//
// Values are merged by github.com/fluxcd/pkg/chartutil, the package that helm-controller uses, so
// that the two can't differ. Objects that a HelmRelease names are read one by one through a Reader;
// nothing is listed, watched or kept. It never logs, and it never shows anything out of a Secret but
// the private host that a rule matched. Of the project it may import pkg/validate.
package release
