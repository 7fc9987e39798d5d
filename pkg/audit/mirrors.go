package audit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/daemonset"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/rollout"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// otherMirrors compares the list that a DaemonSet carries with the one that the release's values ask for, as
// far as those are known.
func otherMirrors(rel *Release, d *rollout.DaemonSet, hidden bool) *Problem {
	want, known := wanted(rel, d)
	if !known || d.Unread || sameList(want, d.Mirrors) {
		return nil
	}
	asked := rollout.Configuration{Mirrors: want}
	if asked.Everything() && d.Everything() {
		return nil
	}
	message := fmt.Sprintf("DaemonSet %s mirrors %s, but the values ask for %s", d, list(&d.Configuration), list(&asked))
	if hidden {
		message = fmt.Sprintf("DaemonSet %s has a different list of mirrors from the values (not shown, because some of the values are in a Secret)", d)
	}
	return &Problem{OtherMirrors, message, rel.catchUp()}
}

// catchUp is how the values of a release reach the cluster.
func (r *Release) catchUp() string {
	if r.Suspended {
		return "once the values are right: " + r.flux("resume helmrelease")
	}
	return "see why it is not reconciled: " + r.flux("get helmreleases")
}

// wanted is the list that the chart would make of the values. It is not known where part of the values is
// not, where they are of a kind that the rules have something to say about, and where an old chart's own list
// would be in force.
func wanted(rel *Release, d *rollout.DaemonSet) (mirrors []string, known bool) {
	if rel.resolved == nil {
		return nil, false
	}
	key := "mirroredRegistries"
	if d.BeforeRename {
		key = "registries"
	}
	value, _, known := rel.resolved.Value(key)
	if !known || d.BeforeRename && value == nil {
		return nil, false
	}
	var entries []any
	switch value := value.(type) {
	case nil:
	case []any:
		entries = value
	case map[string]any:
		entries = slices.Collect(maps.Values(value))
	default:
		return nil, false
	}
	for _, entry := range entries {
		s, ok := entry.(string)
		if !ok {
			return nil, false
		}
		mirrors = append(mirrors, s)
	}
	return mirrors, true
}

// list names the mirrors of a configuration.
func list(c *rollout.Configuration) string {
	if c.Everything() {
		return "every registry"
	}
	return abridged(shown(c.Mirrors), ", ")
}

// privatePulls judges the list that is in force by the rules, for what the release's own findings do not
// say: they may be about values that are not in force, or could not be read.
func (o *Options) privatePulls(rel *Release, d *rollout.DaemonSet, hidden bool) *Problem {
	found := slices.DeleteFunc(daemonset.JudgeSources(d.Sources, o.Policy).Findings, func(f daemonset.Finding) bool {
		said := slices.ContainsFunc(rel.Findings, func(own release.Finding) bool { return own.Rule == f.Rule })
		return f.Severity != validate.Deny || f.Effect != validate.StandsBetween || said
	})
	if len(found) == 0 {
		return nil
	}
	f := found[0].Finding
	if hidden {
		f.Value = ""
	}
	text := f.Text()
	if more := len(found) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	fix := f.Fix
	if rel.resolved != nil {
		fix = rel.catchUp()
	}
	return &Problem{PrivatePulls, fmt.Sprintf("current list of mirrors of DaemonSet %s: %s (%s)", d, text, f.Rule), fix}
}
