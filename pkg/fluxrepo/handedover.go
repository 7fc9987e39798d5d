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
		if s.Kind == kind && s.Name == name && (s.Namespace == ns || s.Namespace == "") {
			return s.Data, true
		}
	}
	return nil, false
}

// take makes what was handed over for a ConfigMap or Secret win over what was read before it.
func (s *scope) take(data map[string]string) {
	if len(data) == 0 {
		return
	}
	s.on, s.vars = true, maps.Clone(s.vars)
	for name, value := range data {
		delete(s.set, name)
		delete(s.unknown, name)
		s.vars[name] = value
	}
}
