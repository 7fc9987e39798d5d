package fluxrepo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// world gives each variable without a value one that it might have. The zero world gives it a harmless
// name that can be told in what comes out.
type world map[string]string

// harmless is what stands for a variable: a host that no policy names.
func harmless(name string) string { return "unknown-variable-" + strings.ToLower(name) + ".invalid" }

func (w world) value(name string) string {
	if v, ok := w[name]; ok {
		return v
	}
	return harmless(name)
}

// put puts variables into an object, those without a value as the world says. used is called for these.
func (g *graph) put(o *object, w world, used func(*scope, string)) ([]byte, error) {
	s := g.loose
	if o.by != nil {
		s = o.by.scope()
	}
	return s.put(o, func(name string) string {
		if used != nil {
			used(s, name)
		}
		return w.value(name)
	})
}

// guesses are what a variable might hold: enough to make a finding come or go that can.
func (g *graph) guesses() []string {
	const good = "https://mirror.invalid"
	out := []string{good, `["` + good + `"]`, "", "null", "{}", "[]", "_default", "https://_default", "docker.io/x", "mirroredRegistries", "registries"}
	if private := g.opts.Policy.PrivateRegistries; len(private) > 0 {
		host := strings.Replace(private[0].String(), "*", "x", 1)
		out = append(out, host, "https://"+host, `["https://`+host+`"]`)
	}
	return out
}

// maxUnknown is how many variables without a value are reasoned about.
const maxUnknown = 16

// outcome is what a release is in one world.
type outcome struct {
	release *release.Release // nil for another chart
	result  release.Result
}

// certain keeps the findings that hold whatever the variables are, and lists those that matter.
func (g *graph) certain(base *outcome, unknown []string, judge func(world) (*outcome, error)) (findings []release.Finding, matter []string) {
	findings = base.result.Findings
	if len(unknown) > maxUnknown {
		return nil, unknown
	}
	try := func(w world) bool {
		now, err := judge(w)
		if err != nil {
			return false // Flux does not apply such a release
		}
		findings = slices.DeleteFunc(slices.Clone(findings), func(f release.Finding) bool { return !hasFinding(now.result.Findings, f) })
		return !sameFindings(base.result.Findings, now.result.Findings)
	}
	for _, name := range unknown {
		changes := false
		for _, guess := range g.guesses() {
			changes = try(world{name: guess}) || changes
		}
		if changes {
			matter = append(matter, name)
		}
	}
	if len(unknown) > 1 {
		changes := false
		for _, guess := range g.guesses() {
			all := world{}
			for _, name := range unknown {
				all[name] = guess
			}
			changes = try(all) || changes
		}
		if changes && len(matter) == 0 {
			matter = unknown
		}
	}
	return findings, matter
}

func hasFinding(all []release.Finding, f release.Finding) bool {
	return slices.ContainsFunc(all, func(g release.Finding) bool { return f.Rule == g.Rule && f.Path.String() == g.Path.String() })
}

func sameFindings(a, b []release.Finding) bool {
	covers := func(a, b []release.Finding) bool {
		return !slices.ContainsFunc(b, func(f release.Finding) bool { return !hasFinding(a, f) })
	}
	return covers(a, b) && covers(b, a)
}

// named writes variables back where a value is shown.
func named(value string, unknown []string) string {
	for _, name := range unknown {
		value = strings.ReplaceAll(value, harmless(name), validate.Clean(fmt.Sprintf("${%s}", name)))
	}
	return value
}
