package daemonset

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/rollout"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Keys of Spegel's chart that end up as arguments.
const (
	listKey    = "mirroredRegistries"
	oldListKey = "registries"
	targetsKey = "additionalMirrorTargets"
)

// oldChart stands for any chart whose arguments are those from before v0.1.0.
const oldChart = "0.0.30"

// Finding is a finding about an argument.
type Finding struct {
	validate.Finding
	// Field is where it stands: spec.template.spec.initContainers[0].args[4].
	Field string
	// Container is the name of the container, and Argument the flag or environment variable.
	Container, Argument string
}

// Text is what is wrong, with the argument that it is about.
func (f Finding) Text() string { return argument(f.Argument, f.Container) + ": " + f.Finding.Text() }

// Unresolved is an argument, or a part of it, whose value is not read.
type Unresolved struct {
	Field               string
	Container, Argument string
	rollout.Reference
}

// Text says what is not known, and why.
func (u Unresolved) Text() string {
	where := u.Kind + " " + validate.Clean(u.Name)
	if u.Key != "" {
		where += " key " + validate.Clean(u.Key)
	}
	return argument(u.Argument, u.Container) + " depends on " + where + ", which is not read"
}

func argument(name, container string) string {
	return name + " of container " + validate.Clean(container)
}

// Result is what the rules say about a pod.
type Result struct {
	// Findings are certain, in the order of the containers and then of the rules.
	Findings []Finding
	// Unresolved is what could change them.
	Unresolved []Unresolved
}

// Judge runs the rules over the arguments of a DaemonSet's template; ok is false where no container runs Spegel. What elsewhere finds,
// if it is not nil, is unresolved.
func Judge(spec *corev1.PodSpec, policy validate.Policy, elsewhere rollout.Elsewhere) (res Result, ok bool) {
	sources := rollout.Sources(spec, elsewhere)
	return JudgeSources(sources, policy), len(sources) > 0
}

// JudgeSources is Judge for a template whose containers were read before.
func JudgeSources(sources []rollout.Source, policy validate.Policy) (res Result) {
	for i := range sources {
		judge(&sources[i], policy, &res)
	}
	return res
}

func judge(s *rollout.Source, policy validate.Policy, res *Result) {
	in := input{source: s}
	values := map[string]any{targetsKey: in.list(s.Targets, &s.Targeted), "containerdMirrorAdd": s.Writes}
	list := in.list(s.Mirrors, &s.Mirrored)
	switch {
	case s.BeforeRename: // an absent list keeps such a Spegel from starting
		values[oldListKey] = list
	case len(s.Mirrors) > 0 || s.Unread:
		values[listKey] = list
	}
	found, undecided := validate.Validate(validate.Input{
		Values: map[string]any{"spegel": values}, OwnChart: true, ChartVersion: version(s),
	}, about(policy))
	for _, f := range found {
		at, entry := in.place(f.Path)
		res.Findings = append(res.Findings, Finding{f, field + at.Field(entry), s.Container, at.Name})
	}
	for _, reason := range undecided {
		res.Unresolved = append(res.Unresolved, in.unresolved[reason])
	}
}

const (
	field         = "spec.template.spec." // what a pod's spec is in a DaemonSet
	maxUnresolved = 100                   // of a container
)

func version(s *rollout.Source) string {
	if s.BeforeRename {
		return oldChart
	}
	return ""
}

// about is the policy with only the rules about the list and its entries on. The others are about keys, which arguments do
// not have.
func about(policy validate.Policy) validate.Policy {
	rules := []string{"empty-mirror-list", "wildcard-mirror", "private-registry-mirrored", "invalid-mirror-url", "ineffective-mirror"}
	severities := maps.Clone(policy.Severities)
	if severities == nil {
		severities = map[string]validate.Severity{}
	}
	for _, r := range validate.Rules() {
		if !slices.Contains(rules, r.ID) {
			severities[r.ID] = validate.Off
		}
	}
	policy.Severities = severities
	return policy
}

// input is what the rules look at, made of a container's arguments.
type input struct {
	source     *rollout.Source
	unresolved []Unresolved // by reason
}

// list is what the chart's values would hold to give these arguments.
func (in *input) list(values []string, at *rollout.Argument) any {
	if ref, ok := at.Unread[rollout.Whole]; ok {
		return in.unknown(at, rollout.Whole, ref)
	}
	entries := make([]any, 0, len(values))
	for i, v := range values {
		if ref, ok := at.Unread[i]; ok {
			entries = append(entries, in.unknown(at, i, ref))
		} else {
			entries = append(entries, v)
		}
	}
	return entries
}

// unknown stands for a value from an object. Of very many the rest count as the last: nobody reads more.
func (in *input) unknown(at *rollout.Argument, entry int, ref rollout.Reference) certainty.Unknown {
	reason := slices.IndexFunc(in.unresolved, func(u Unresolved) bool { return u.Argument == at.Name && u.Reference == ref })
	if reason < 0 && len(in.unresolved) == maxUnresolved {
		reason = maxUnresolved - 1
	}
	if reason < 0 {
		in.unresolved = append(in.unresolved, Unresolved{field + at.Field(entry), in.source.Container, at.Name, ref})
		reason = len(in.unresolved) - 1
	}
	return certainty.Unknown{Reasons: []int{reason}}
}

// place is the argument that a path of the values was made of.
func (in *input) place(p validate.Path) (at *rollout.Argument, entry int) {
	at, entry = &in.source.Mirrored, rollout.Whole
	if len(p) > 1 && p[1] == targetsKey {
		at = &in.source.Targeted
	}
	if len(p) > 2 {
		entry, _ = p[2].(int)
	}
	return at, entry
}
