package fluxrepo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// report is a release as it is told: each finding and each reference with its place, and nothing secret.
func (c *check) report(s *subject) *Release {
	if s.release == nil {
		return nil
	}
	r, o := c.redactor(s.read, s.object.By), s.object
	rel := s.release
	out := &Release{
		Namespace: r.name(rel.Namespace), Name: r.name(rel.Name), Version: r.name(rel.Version), Chart: substitute.Written(r.conceal(rel.Chart)),
		Suspended: rel.Suspended || o.By != nil && o.By.Suspended, Place: c.placeOf(o),
	}
	switch {
	case o.By != nil && !o.By.Plain:
		out.Built, out.From = true, c.chain(r, o.By)
	case o.By != nil:
		out.Inactive = false
	default:
		out.Inactive = !c.graph.InFull(o.File)
	}
	for _, f := range s.result.Findings {
		place := c.placeOfFinding(s, f)
		f.Value = r.conceal(substitute.Written(f.Value))
		out.Findings = append(out.Findings, Finding{Finding: r.finding(f), Place: place})
	}
	for _, ref := range s.unresolved() {
		out.Unresolved = append(out.Unresolved, Reference{Reference: r.reference(ref), Place: c.placeOfReference(s, ref)})
	}
	out.Unresolved = append(out.Unresolved, s.remoteShapers()...)
	return out
}

// chain are the Kustomizations of Flux that lead to one, and that one.
func (c *check) chain(r *redactor, by *fluxgraph.Instance) (from []string) {
	for _, n := range by.Chain() {
		if !n.Plain {
			from = append(from, c.in.show(n.File)+"#"+strings.TrimPrefix(r.nameOf(n, n.Namespace)+"/"+r.nameOf(n, n.Name), "/"))
		}
	}
	return from
}

// unresolved is what could not be read: objects in the order that they are named in, then variables, with those that
// decide more than a value.
func (s *subject) unresolved() []release.Reference {
	var out, variables []release.Reference
	for _, ref := range s.result.Unresolved {
		if _, variable := s.named[ref]; variable {
			variables = append(variables, ref)
		} else {
			out = append(out, ref)
		}
	}
	for _, name := range s.shaky {
		variables = append(variables, s.why(name))
	}
	slices.SortFunc(variables, func(a, b release.Reference) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	return append(out, slices.Compact(variables)...)
}

// remoteShapers are the remote patches and components that could change what is built.
func (s *subject) remoteShapers() (out []Reference) {
	n := s.object.By
	if n == nil {
		return nil
	}
	for _, folder := range n.Folders {
		folder.Walk(func(f *overlay.Folder) bool {
			for _, h := range f.Holes {
				if h.Remote && h.Shaping {
					out = append(out, Reference{
						Reference: release.Reference{Kind: "Kustomization", Namespace: n.Namespace, Name: n.Name, Key: h.Path, Reason: h.Field + ": " + h.Path + " " + h.Problem},
						Place:     Place{File: s.in.show(h.File), Line: h.Line, Column: h.Column},
					})
				}
			}
			return true
		})
	}
	if n.SuspendUnknown != "" {
		ref := n.Scope.Why(n.SuspendUnknown)
		out = append(out, Reference{
			Reference: release.Reference{Kind: "Kustomization", Namespace: n.Namespace, Name: n.Name, Key: "suspend", Reason: ref.Text},
			Place:     Place{File: s.in.show(n.File)},
		})
	}
	return out
}

// covers reports whether a release has to do with what is asked for: it, or a finding of it, stands there, or it would
// be another one without.
func (c *check) covers(ctx context.Context, s *subject, rel *Release) bool {
	stands := func(f Finding) bool { return c.in.has(c.in.unshow(f.Place.File)) }
	if len(c.in.parts) == 0 || c.in.has(c.fileOf(s.object)) || rel != nil && slices.ContainsFunc(rel.Findings, stands) {
		return true
	}
	if s.object.By == nil {
		return false
	}
	if c.blank == nil {
		c.blank = map[string][]byte{}
		for _, p := range c.graph.Tree().Paths() {
			if c.in.has(p) {
				c.blank[p] = []byte("# nothing\n")
			}
		}
	}
	g, again := s.graph.Edited(c.blank, s.object, s.read...)
	if again == nil {
		return true
	}
	other := c.evaluate(ctx, g, again)
	why, _ := c.unjudged(s)
	now, _ := c.unjudged(other)
	return why.Message != now.Message || (other.release == nil) != (s.release == nil) || !reflect.DeepEqual(other.hr, s.hr) || !reflect.DeepEqual(other.result, s.result) ||
		!slices.EqualFunc(other.read, s.read, func(a, b *fluxgraph.Object) bool { return bytes.Equal(a.Text, b.Text) })
}

// errors are what could not be checked.
func (c *check) errors(ctx context.Context, judged []*subject) (out []Error) {
	idle := false // a release that nothing builds
	for _, s := range judged {
		idle = idle || s.release != nil && (s.object.By == nil || s.object.By.Plain)
	}
	for _, f := range c.graph.Faults() {
		if !c.in.has(f.File) && !c.reads(f.By) {
			continue
		}
		concerns := f.Concerns || f.Missing && idle
		out = append(out, Error{
			Place: Place{File: c.in.show(f.File), Line: f.Line, Column: f.Column}, Message: c.redactor(nil, f.By).text(f.Message),
			Fatal: concerns && !f.Remote, Unfollowed: f.Remote, Elsewhere: !concerns,
		})
	}
	for _, s := range judged {
		if e, ok := c.unjudged(s); ok && c.covers(ctx, s, nil) {
			out = append(out, e)
		}
	}
	return append(out, c.unset(judged)...)
}

// reads reports whether a build, or what it leads to, reads what is asked for.
func (c *check) reads(n *fluxgraph.Instance) bool {
	if n == nil {
		return false
	}
	for _, other := range c.graph.Instances {
		found := false
		if slices.Contains(other.Chain(), n) {
			other.Files(func(p string) bool { found = found || c.in.has(p); return !found })
		}
		if found {
			return true
		}
	}
	return false
}

// unjudged is why a HelmRelease was not judged.
func (c *check) unjudged(s *subject) (Error, bool) {
	r := c.redactor(s.read, s.object.By)
	switch {
	case s.problem != nil:
		concerns := c.graph.Tree().Mark(s.object.Text)&worktree.Word != 0
		place := c.placeOf(s.object)
		if bad, ok := errors.AsType[*fieldError](s.problem); ok {
			file, node := c.graph.Document(s.object)
			place = c.nearest(file, node, steps(bad.field))
		}
		return Error{
			Place: place, Fatal: concerns, Elsewhere: !concerns,
			Message: fmt.Sprintf("HelmRelease %s: %s", r.name(s.object.Name), substitute.Written(overlay.Plain(s.problem).Error())),
		}, true
	case s.release == nil && len(s.chart) > 0 && (s.object.By != nil || c.graph.InFull(s.object.File)):
		why := substitute.SealedReason
		if name := s.chart[0]; name != substitute.Sealed {
			why = r.reference(s.why(name)).Reason + "; hand its value over with --var or --vars"
		}
		return Error{
			Place: c.placeOfReference(s, s.why(s.chart[0])), Unfollowed: true,
			Message: "HelmRelease " + r.name(s.object.Name) + ": which chart it installs is not known, so it is not checked: " + why,
		}, true
	}
	return Error{}, false
}

// unset says which Kustomizations current Flux refuses to build, because a variable of a release has no value.
func (c *check) unset(judged []*subject) (out []Error) {
	names := map[*fluxgraph.Instance]map[string]*subject{}
	for _, s := range judged {
		if s.release == nil {
			continue
		}
		for _, o := range s.read {
			for _, name := range o.Unset {
				if names[o.By] == nil {
					names[o.By] = map[string]*subject{}
				}
				names[o.By][name] = s
			}
		}
	}
	for n, of := range names {
		r := c.redactor(nil, n)
		for _, name := range slices.Sorted(maps.Keys(of)) {
			at := c.graph.Place(n)
			place := Place{File: c.in.show(at.File), Line: at.Line, Column: at.Column}
			if p, ok := c.placeOfUse(of[name], name); ok {
				place = p
			}
			out = append(out, Error{Place: place, Message: fmt.Sprintf(
				"Kustomization %s: nothing sets ${%s}, so it is empty; kustomize-controller refuses to build that since v1.9", r.nameOf(n, n.Name), name)})
		}
	}
	return out
}
