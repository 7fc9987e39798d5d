package fluxrepo

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// lastHole matches a text up to the end of the last variable without a value in it.
var lastHole = regexp.MustCompile(`(?s)^.*` + harmlessName.String())

// unknownIn lists the variables without a value that keep a chart's name, path or URL from telling whether it is
// Spegel's. A value may hold slashes, so what stands before the last of them says nothing.
func (g *graph) unknownIn(chart string) []string {
	names := namesIn(chart)
	if len(names) == 0 {
		return nil
	}
	base := path.Base(chart)
	end := lastHole.ReplaceAllString(base, "")
	isPackage := strings.HasSuffix(end, ".tgz")
	if slices.ContainsFunc(g.opts.Charts, func(c string) bool {
		name := path.Base(strings.TrimRight(c, "/"))
		if end == base { // the name is known, and a chart of the policy may be one of that name at one place
			return name == base && strings.Contains(c, "://")
		}
		return isPackage || strings.HasSuffix(name, end)
	}) {
		return names
	}
	return nil
}

// tellUnknownChart tells of a HelmRelease that shows nothing of Spegel and whose chart can't be known.
func (g *graph) tellUnknownChart(s *subject) {
	for _, name := range s.chart {
		in := s.scopes[name]
		if in == nil {
			continue
		}
		o := s.object
		why := encrypted
		if name != sopsValue {
			why = named(in.why(name).Reason) + "; hand its value over with --var or --vars"
		}
		e := Error{
			Place:      g.locator(o).variable(name),
			Message:    "HelmRelease " + g.asWritten(o)(o.name) + ": which chart it installs is not known, so it is not checked: " + why,
			Unfollowed: true,
		}
		g.report(e)
		if g.errorsIn == nil {
			g.errorsIn = map[Error][]*object{}
		}
		g.errorsIn[e] = append(g.errorsIn[e], o)
		return
	}
}
