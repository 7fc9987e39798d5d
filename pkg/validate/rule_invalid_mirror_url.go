package validate

import (
	"net/url"
	"strings"
)

// invalidMirrorURL exists because Spegel fails at the start on an entry that it does not accept, and the DaemonSet
// crash-loops; a wrong type fails earlier, in the chart's template. It reads the values, spegel, and its two lists of URLs.
// It cannot know whether a registry answers at a well-formed URL.
var invalidMirrorURL = Rule{
	ID:      "invalid-mirror-url",
	Title:   "spegel.mirroredRegistries or additionalMirrorTargets is not a list, or an entry is not what Spegel accepts",
	Default: Deny,
	Effect:  SpegelDoesNotStart,
	Why: "Spegel accepts a URL with the scheme http or https and a host, and nothing else: no path (not even a trailing " +
		"slash), no query, no user info. On any other entry it exits, and the DaemonSet crash-loops. It also refuses two " +
		"wildcards in the list, and any wildcard in `additionalMirrorTargets`. Values of another type fail when Helm " +
		"renders the chart.",
	Reads: "the values themselves, `spegel`, `spegel.mirroredRegistries`, `spegel.additionalMirrorTargets` and their entries",
	Limits: "It does not check whether a registry answers at the URL. A chart that is known to be older than v0.1.0 reads " +
		"`registries` instead, which must have an entry. `additionalMirrorTargets` has no effect with such a chart, or " +
		"with `containerdMirrorAdd: false`.",
	Fix: "Write each entry as scheme and host, with a port where the registry has one: `https://docker.io`.",
	Bad: `spegel:
  mirroredRegistries:
    - docker.io
    - https://ghcr.io/
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
    - https://ghcr.io
`,
	check: func(v *values, _ Policy) (out []problem, undecided []int) {
		if p, ok := v.notRenderable(); ok {
			return []problem{p}, nil
		}
		if v.olderThan(renamed) && v.list.set && isFalse(v.list.node) {
			return []problem{{
				path:    v.list.path,
				message: "is " + v.list.state() + ", and a chart older than v0.1.0 then passes no list to Spegel" + crash,
				fix:     "list the registries to mirror, " + examples,
			}}, nil
		}
		out, undecided = invalidEntries(v.list, v.isWildcard)
		if targets := v.listAt(targetsKey); v.readsTargets(targets) {
			problems, unknown := invalidEntries(targets, func(string) bool { return false })
			out, undecided = append(out, problems...), append(undecided, unknown...)
		}
		return out, undecided
	},
}

// targetsKey is the list of mirrors beside Spegel.
const targetsKey = "additionalMirrorTargets"

// readsTargets reports whether Spegel would see the list of targets. One that only might be there, in a map some of whose
// keys are not known, is taken not to be.
func (v *values) readsTargets(targets list) bool {
	_, known := known(v.spegel)[targetsKey]
	return known && !isFalse(targets.node) && !v.olderThan(renamed) && !v.writesNoHosts()
}

// invalidEntries says what Spegel does not accept in a list, with one wildcard at most.
func invalidEntries(l list, isWildcard func(string) bool) (out []problem, undecided []int) {
	if _, ok := l.node.([]any); !ok && isSet(l.node) {
		return []problem{{
			path:    l.path,
			message: "is " + kind(l.node) + ", not a list",
			fix:     "write a list of URLs, " + examples,
		}}, nil
	}
	wildcard := false
	return l.problems(func(e entry) (problem, bool) {
		p := problem{message: entryProblem(e.raw), fix: "write scheme and host only, e.g. https://docker.io"}
		if s, ok := e.raw.(string); ok && isWildcard(s) {
			p.message, p.fix = "", "name the registries to mirror instead, "+examples
			if wildcard {
				p.message = "is a second wildcard" + crash
			}
			wildcard = true
		}
		return p, p.message != ""
	})
}

// crash is what follows from an entry that Spegel does not accept.
const crash = ", so Spegel does not start"

// entryProblem says what Spegel (pkg/oci, ParseRegistries) does not accept about an entry, or nothing.
// An empty host and one of dots, which Spegel lets pass, are a mistake in any case: the file that it writes lies in no folder
// of a registry.
func entryProblem(raw any) string {
	s, ok := raw.(string)
	if !ok {
		return "is " + kind(raw) + ", not a string" + crash
	}
	if _, ok := plainURL(s); ok {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil {
		return "is not a URL" + crash
	}
	var problems []string
	for _, p := range []struct {
		found bool
		text  string
	}{
		{u.Scheme != "http" && u.Scheme != "https", "has no scheme http or https"},
		{u.User != nil, "has user info"},
		{u.Host != "" && u.Path != "", "has a path"},
		{u.RawQuery != "" && len(u.Query()) != 0, "has a query"},
	} {
		if p.found {
			problems = append(problems, p.text)
		}
	}
	switch {
	case len(problems) > 0:
		return strings.Join(problems, " and ") + crash
	case strings.Trim(u.Hostname(), ".") == "":
		return "has no host, so it names no registry"
	}
	return ""
}
