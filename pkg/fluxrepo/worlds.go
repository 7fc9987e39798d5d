package fluxrepo

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/release"
)

const harmlessMark = "unknown-variable-"

// harmless is what stands for a variable without a value, and for whatever is made of it: a host that no
// policy names, and that can be told in what comes out.
func harmless(name string) string { return harmlessMark + name + ".invalid" }

var harmlessName = regexp.MustCompile(harmlessMark + `(\w+)\.invalid`)

// namesIn lists the variables without a value that a text holds, each once.
func namesIn(text string) (names []string) {
	if !strings.Contains(text, harmlessMark) {
		return nil
	}
	for _, m := range harmlessName.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}

// named writes variables back, where a text is shown.
func named(text string) string { return harmlessName.ReplaceAllString(text, "$${$1}") }

// namedReference is named for all of a reference.
func namedReference(r release.Reference) release.Reference {
	for _, text := range []*string{&r.Kind, &r.Namespace, &r.Name, &r.Key, &r.Reason} {
		*text = named(*text)
	}
	return r
}

// put puts variables into an object; those without a value become harmless. used is called for these.
func (g *graph) put(o *object, used func(*scope, string)) ([]byte, error) {
	s := g.scopeOf(o)
	return s.put(o, func(name string) string {
		if used != nil {
			used(s, name)
		}
		return harmless(name)
	})
}

// world says what the values of a release are where they hold a variable without a value. In the zero
// world they stay harmless.
type world struct {
	guess      func(depth int) any // for a scalar; nil to leave it
	top, below rename
	only       string // the variable that it is about; empty for all
}

// rename gives a key with a variable in it a name that it could have.
type rename struct{ key, name string }

// Names that rules look for at the top of the values, and under spegel.
var (
	namesAtTop = []string{"spegel", "mirroredRegistries", "registries"}
	namesBelow = []string{"mirroredRegistries", "registries", "mirrorRegistries", "appendMirrors", "additionalMirrorRegistries"}
)

const (
	maxUnknown = 16  // variables that are told apart
	maxWorlds  = 100 // that are looked at for one variable, or for all
)

// worlds are enough to make each finding come or go that can: a scalar with a variable in it is all good
// in one, nothing in one and all bad in another, and a key is what rules look for, or not. ok is false
// where that would be too many.
func (g *graph) worlds(h *holes, only string) (out []world, ok bool) {
	if len(h.top) > maxWorlds || len(h.below) > maxWorlds {
		return nil, false
	}
	tops, belows := renames(h.top, namesAtTop, only), renames(h.below, namesBelow, only)
	guesses := []func(int) any{good, nothing, g.bad}
	if len(guesses)*len(tops)*len(belows) > maxWorlds {
		return nil, false
	}
	for _, guess := range guesses {
		for _, top := range tops {
			for _, below := range belows {
				out = append(out, world{guess: guess, top: top, below: below, only: only})
			}
		}
	}
	return out, true
}

// renames lists what keys could be; the first leaves all as they are.
func renames(keys, names []string, only string) []rename {
	out := []rename{{}}
	for _, key := range keys {
		for _, name := range names {
			if couldBe(key, name) && (only == "" || strings.Contains(key, harmless(only))) {
				out = append(out, rename{key, name})
			}
		}
	}
	return out
}

// outcome is what a release is in one world.
type outcome struct {
	release *release.Release // nil for another chart
	result  release.Result
}

// certain keeps the findings that hold whatever the variables are, and lists the variables that matter.
func (g *graph) certain(s *subject, base *outcome) (findings []release.Finding, matter []string) {
	findings = base.result.Findings
	all := s.holes.names()
	if len(all) == 0 {
		return findings, nil
	}
	worlds, ok := g.worlds(&s.holes, "")
	if !ok {
		return nil, all
	}
	keep, changed := g.survivors(s, base, findings, worlds)
	if !changed {
		return findings, nil
	}
	explained := findings
	for _, name := range all {
		if len(all) > maxUnknown {
			break
		}
		worlds, _ := g.worlds(&s.holes, name) // no more than above
		left, changes := g.survivors(s, base, explained, worlds)
		if explained = left; changes {
			matter = append(matter, name)
		}
	}
	if len(matter) == 0 || len(explained) > len(keep) { // it takes several
		matter = all
	}
	return keep, matter
}

// survivors are the findings that hold in all worlds, and whether any of these differs from the base.
func (g *graph) survivors(s *subject, base *outcome, findings []release.Finding, worlds []world) (left []release.Finding, changed bool) {
	left = findings
	for _, w := range worlds {
		if g.ctx.Err() != nil {
			return nil, true
		}
		now, err := g.evaluate(s, w)
		if err != nil {
			return nil, true // what Flux makes of it is not known
		}
		left = slices.DeleteFunc(slices.Clone(left), func(f release.Finding) bool { return !hasFinding(now.result.Findings, f) })
		changed = changed || !sameFindings(base.result.Findings, now.result.Findings)
	}
	return left, changed
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

const goodURL = "https://mirror.invalid"

// good is what no rule finds anything about: the values at depth 0, the map spegel at 1, a list in it at
// 2, an entry at 3.
func good(depth int) any {
	switch depth {
	case 0:
		return map[string]any{"spegel": good(1)}
	case 1:
		return map[string]any{"mirroredRegistries": good(2)}
	case 2:
		return []any{goodURL}
	}
	return goodURL
}

// nothing is what a variable that turns out empty leaves.
func nothing(int) any { return nil }

// bad is what rules find something about.
func (g *graph) bad(depth int) any {
	switch depth {
	case 0:
		return map[string]any{"spegel": g.bad(1)}
	case 1:
		return map[string]any{"mirroredRegistries": g.bad(2), "registries": g.bad(2)}
	case 2:
		return []any{g.bad(3)}
	}
	if private := g.opts.Policy.PrivateRegistries; len(private) > 0 {
		return "https://" + strings.Replace(private[0].String(), "*", "x", 1)
	}
	return "https://_default"
}
