package fluxrepo

import (
	"bytes"
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fault"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/judge"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/locate"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/selection"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// check is a repository that is checked.
type check struct {
	*judge.Judge
	in      *selection.Selection
	finder  *locate.Finder
	secrets *redact.Redactor

	releases []Release
	errors   []Error
}

// report adds what was judged, as far as it has to do with what is asked for, and what could not be checked.
func (c *check) report(ctx context.Context, judged []*judge.Release, sets []*judge.DaemonSet) {
	var reported []*judge.Release
	read := map[*fluxgraph.Object]*judge.Release{}
	unbuilt := false // a release
	for _, r := range judged {
		if ctx.Err() != nil {
			return
		}
		if r.Release == nil {
			c.opaque(ctx, r)
			continue
		}
		unbuilt = unbuilt || r.Object.By == nil || r.Object.By.Plain
		rel := c.release(r)
		if rel.asked || c.changes(ctx, r) {
			c.releases, reported = append(c.releases, rel), append(reported, r)
			for _, o := range r.Read {
				read[o] = r
			}
		}
	}
	for _, d := range sets {
		rel := c.daemonSet(d)
		i := slices.IndexFunc(reported, func(r *judge.Release) bool {
			return r.Object.By == d.Object.By && !r.Suspended && d.IsMadeBy(&r.HelmRelease)
		})
		if i >= 0 {
			c.releases[i].merge(&rel)
		} else if rel.asked {
			c.releases = append(c.releases, rel)
		}
	}
	c.unset(read)
	c.faults(unbuilt)
}

// release is a HelmRelease as it is reported: each finding and each reference with its place, and nothing secret.
func (c *check) release(r *judge.Release) Release {
	show, o := c.secrets, r.Object
	out := c.origin(o)
	out.Namespace, out.Name = show.Text(r.Namespace), show.Text(r.Name)
	out.Chart, out.Version = show.Value(r.Chart), show.Text(r.Version)
	out.Suspended = out.Suspended || r.Suspended
	out.Inactive = o.By == nil && !c.Graph.InFull(o.File)
	for _, f := range r.Findings {
		place := c.place(&out, c.finder.Finding(r, f))
		if f = show.Finding(f); f.Origin.Kind == release.KindFile {
			f.Origin.Name = c.in.Show(f.Origin.Name)
		}
		out.Findings = append(out.Findings, Finding{Finding: f, Place: place})
	}
	for _, ref := range r.Unresolved {
		place := c.place(&out, c.finder.Reference(r, ref))
		if ref = show.Reference(ref); ref.Kind == release.KindFile {
			ref.Name = c.in.Show(ref.Name)
		}
		out.Unresolved = append(out.Unresolved, Reference{ref, place})
	}
	for _, s := range r.Shapers() {
		out.Unresolved = append(out.Unresolved, Reference{show.Reference(s.Reference), c.place(&out, Place{File: s.File, Line: s.Line, Column: s.Column})})
	}
	return out
}

// place is a place as the user sees it. A release that stands there, in part, has to do with what is asked for.
func (c *check) place(rel *Release, p Place) Place {
	rel.asked = rel.asked || c.in.Has(p.File)
	p.File = c.in.Show(p.File)
	return p
}

// daemonSet is a DaemonSet as it is reported.
func (c *check) daemonSet(d *judge.DaemonSet) Release {
	show, out := c.secrets, c.origin(d.Object)
	out.Kind, out.Namespace, out.Name = "DaemonSet", show.Text(d.Namespace), show.Text(d.Name)
	place := func(field string) Place {
		return c.place(&out, c.finder.Find(locate.Target{Release: d.Object, Holder: d.Object, Path: yamldoc.Steps(field)}))
	}
	for _, f := range d.Findings {
		f.Value = show.Value(f.Value)
		f.Message, f.Value = f.Text(), ""
		out.Findings = append(out.Findings, Finding{Finding: release.Finding{Finding: f.Finding}, Argument: f.Field, Place: place(f.Field)})
	}
	for _, u := range d.Unresolved {
		out.Unresolved = append(out.Unresolved, Reference{show.Reference(u.Reference), place(u.Field)})
	}
	return out
}

// origin is what is reported of any object: where it stands, and which Kustomizations lead to it.
func (c *check) origin(o *fluxgraph.Object) (out Release) {
	out.Suspended, out.Built = o.Suspended || o.By != nil && o.By.Suspended, o.By != nil && !o.By.Plain
	out.Place = c.place(&out, c.finder.Object(o))
	for _, n := range o.By.Chain() {
		from := c.place(&out, Place{File: n.File}).File
		if !n.Plain {
			out.From = append(out.From, from+"#"+strings.TrimPrefix(c.secrets.Text(n.Namespace)+"/"+c.secrets.Text(n.Name), "/"))
		}
	}
	return out
}

// merge adds what a DaemonSet shows, and the values do not, to the release that makes it.
func (rel *Release) merge(ds *Release) {
	for _, f := range ds.Findings {
		if !slices.ContainsFunc(rel.Findings, func(other Finding) bool {
			return other.Rule == f.Rule && (f.Rule == "empty-mirror-list" || strings.HasSuffix(f.Message, other.Text()))
		}) {
			rel.Findings = append(rel.Findings, f)
		}
	}
	rel.Unresolved = append(rel.Unresolved, ds.Unresolved...)
}

// changes reports whether a release would be another one without what is asked for.
func (c *check) changes(ctx context.Context, r *judge.Release) bool {
	if r.Object.By == nil {
		return false
	}
	blank := map[string][]byte{}
	for _, p := range c.Graph.Tree.Paths() {
		if c.in.Has(p) {
			blank[p] = []byte("# nothing\n")
		}
	}
	g, again := c.Graph.Edited(blank, r.Object, r.Read...)
	if again == nil {
		return true
	}
	other := (&judge.Judge{Graph: g, Charts: c.Charts, Policy: c.Policy}).Release(ctx, again)
	return !reflect.DeepEqual(other.Result, r.Result) ||
		!slices.EqualFunc(other.Read, r.Read, func(a, b *fluxgraph.Object) bool { return bytes.Equal(a.Text, b.Text) })
}

// opaque says why it is not known which chart a HelmRelease installs.
func (c *check) opaque(ctx context.Context, r *judge.Release) {
	o, why := r.Object, r.Unresolved[0]
	if o.By == nil && !c.Graph.InFull(o.File) || !c.origin(o).asked && !c.changes(ctx, r) {
		return
	}
	reason := c.secrets.Text(why.Reason)
	if why.Variable != substitute.Sealed {
		reason += "; pass its value with --var or --vars"
	}
	c.errors = append(c.errors, Error{
		Place: c.finder.Reference(r, why), Unfollowed: true,
		Message: "HelmRelease " + c.secrets.Text(o.Name) + ": which chart it installs is not known, so it is not checked: " + reason,
	})
}

// unset says which Kustomizations current Flux refuses to build, because nothing sets a variable in what they emit. read is
// what the releases that are reported read.
func (c *check) unset(read map[*fluxgraph.Object]*judge.Release) {
	for _, n := range c.Graph.Instances {
		for _, o := range n.Objects {
			if len(o.Unset) == 0 {
				continue
			}
			object, r := c.finder.Object(o), read[o]
			if r == nil && !c.in.Has(object.File) {
				continue
			}
			for _, name := range o.Unset {
				place := object
				if r != nil {
					place = c.finder.Use(r, name, object)
				}
				c.errors = append(c.errors, Error{Place: place, Elsewhere: r == nil, Message: "Kustomization " + c.secrets.Text(n.Name) +
					": nothing sets ${" + name + "}, so it is empty; kustomize-controller refuses to build that since v1.9"})
			}
		}
	}
}

// faults are what could not be read, built or followed. unbuilt says that there is a release that nothing builds.
func (c *check) faults(unbuilt bool) {
	for f := range fault.All(c.Graph, fault.Options{Asked: c.in.Has, Unbuilt: unbuilt, Wrong: c.Wrong}) {
		c.errors = append(c.errors, Error{
			Place: Place{File: f.File, Line: f.Line, Column: f.Column}, Message: c.secrets.Text(f.Message),
			Fatal: f.Concerns && !f.Remote, Unfollowed: f.Remote, Elsewhere: !f.Concerns,
		})
	}
}
