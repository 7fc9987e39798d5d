package fluxrepo

import (
	"maps"
	"slices"
	"strings"
)

// oneLine are the values of variables as Flux puts them in.
func oneLine(vars map[string]string) map[string]string {
	out := make(map[string]string, len(vars))
	for name, value := range vars {
		out[name] = strings.ReplaceAll(value, "\n", "")
	}
	return out
}

// handedOver are all values that are no part of the repository.
func (o Options) handedOver() []string {
	out := slices.Collect(maps.Values(o.Vars))
	for _, s := range o.Sources {
		out = slices.AppendSeq(out, maps.Values(s.Data))
	}
	return out
}

// source is the data of the last source that stands for a ConfigMap or Secret.
func (o Options) source(kind, ns, name string) (data map[string]string, ok bool) {
	for _, s := range slices.Backward(o.Sources) {
		if s.fits(kind, ns, name) {
			return s.Data, true
		}
	}
	return nil, false
}

// fits tells whether a source may stand for a ConfigMap or Secret, whose namespace may not be known.
func (s Source) fits(kind, ns, name string) bool {
	return s.Kind == kind && s.Name == name && (s.Namespace == ns || s.Namespace == "" || ns == "")
}

// noteStood notes that a ConfigMap or Secret had values that were handed over for it.
func (g *graph) noteStood(kind, ns, name string) {
	for i, s := range g.opts.Sources {
		if s.fits(kind, ns, name) {
			g.stood[i] = true
		}
	}
}

// take makes what was handed over for a ConfigMap or Secret win over what was read before it, and lose to what is read
// after it.
func (s *scope) take(data map[string]string) {
	for name, value := range data {
		delete(s.unknown, name)
		s.set[name] = setting{text: value, given: true}
	}
}
