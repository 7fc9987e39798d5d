package fluxrepo

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/daemonset"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/locate"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// daemonSets judges the DaemonSets that run Spegel by their arguments. What one of these releases makes is reported with it, if the
// same stream or build holds both.
func (c *check) daemonSets(ctx context.Context, releases []Release, of []*subject) (_ []Release, errs []Error) {
	for _, o := range c.runs() {
		if ctx.Err() != nil {
			break
		}
		ds, err := decodeDaemonSet(substitute.Seal(o.Text))
		if err != nil {
			errs = append(errs, Error{Place: c.placeOf(o), Fatal: true, Message: fmt.Sprintf("DaemonSet %s: %s", substitute.Written(o.Name), overlay.Plain(err))})
			continue
		}
		res, ok := daemonset.Judge(&ds.Spec.Template.Spec, c.Policy)
		if !ok {
			continue
		}
		found := c.reportDaemonSet(o, ds, res)
		if i := slices.IndexFunc(of, func(s *subject) bool { return s.object.By == o.By && makes(s.hr, ds) }); i >= 0 {
			merge(&releases[i], found)
		} else if c.asksFor(o, found) {
			releases = append(releases, *found)
		}
	}
	return releases, errs
}

// runs are the DaemonSets that may be Spegel's: those that are built, and those in files that are judged though nothing builds them.
func (c *check) runs() (out []*fluxgraph.Object) {
	add := func(objects []*fluxgraph.Object) {
		for _, o := range objects {
			if o.Kind == "DaemonSet" && o.Err == nil && strings.HasPrefix(o.APIVersion, "apps/") && c.graph.Tree().Mark(o.Text)&worktree.Word != 0 {
				out = append(out, o)
			}
		}
	}
	add(c.graph.Loose)
	for _, n := range c.graph.Instances {
		add(n.Objects)
	}
	return out
}

// decodeDaemonSet reads what a check looks at. A variable in another field, a port for one, does no harm.
func decodeDaemonSet(text []byte) (*appsv1.DaemonSet, error) {
	type container struct {
		Name          string
		Command, Args []string
		Env           []corev1.EnvVar
		EnvFrom       []corev1.EnvFromSource
	}
	var in struct {
		Metadata struct {
			Name, Namespace     string
			Labels, Annotations map[string]string
		}
		Spec struct {
			Template struct {
				Spec struct{ InitContainers, Containers []container }
			}
		}
	}
	if err := sigsyaml.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("is not a DaemonSet: %w", err)
	}
	m := in.Metadata
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: m.Name, Namespace: m.Namespace, Labels: m.Labels, Annotations: m.Annotations}}
	of := func(containers []container) (out []corev1.Container) {
		for _, c := range containers {
			out = append(out, corev1.Container{Name: c.Name, Command: c.Command, Args: c.Args, Env: c.Env, EnvFrom: c.EnvFrom})
		}
		return out
	}
	pod := in.Spec.Template.Spec
	ds.Spec.Template.Spec.InitContainers, ds.Spec.Template.Spec.Containers = of(pod.InitContainers), of(pod.Containers)
	return ds, nil
}

// reportDaemonSet is a DaemonSet as it is told. What is about an entry with an unknown variable in it is not known.
func (c *check) reportDaemonSet(o *fluxgraph.Object, ds *appsv1.DaemonSet, res daemonset.Result) *Release {
	r := c.redactor([]*fluxgraph.Object{o}, o.By)
	out := &Release{
		Kind: "DaemonSet", Namespace: r.name(ds.Namespace), Name: r.name(ds.Name), Place: c.placeOf(o),
		Suspended: o.By != nil && o.By.Suspended, Built: o.By != nil && !o.By.Plain, From: c.chain(r, o.By),
	}
	s := &subject{check: c, object: o, read: []*fluxgraph.Object{o}, named: map[release.Reference]string{}}
	at := func(field string) Place { return c.placeIn(locate.Target{Release: o, Holder: o, Path: steps(field)}) }
	unknown := map[string]bool{} // fields
	for _, source := range rollout.Sources(&ds.Spec.Template.Spec) {
		for _, list := range []struct {
			values []string
			at     rollout.Argument
		}{{source.Mirrors, source.Mirrored}, {source.Targets, source.Targeted}} {
			for i, value := range list.values {
				field := "spec.template.spec." + list.at.Field(i)
				for _, ref := range s.variables(value) {
					unknown[field] = true
					out.Unresolved = append(out.Unresolved, Reference{Reference: r.reference(ref), Place: at(field)})
				}
			}
		}
	}
	for _, f := range res.Findings {
		if unknown[f.Field] {
			continue
		}
		f.Value = r.conceal(f.Value)
		f.Message, f.Value = f.Text(), ""
		out.Findings = append(out.Findings, Finding{Finding: release.Finding{Finding: f.Finding}, Argument: f.Field, Place: at(f.Field)})
	}
	for _, u := range res.Unresolved {
		out.Unresolved = append(out.Unresolved, Reference{
			Reference: r.reference(release.Reference{Kind: u.Kind, Namespace: ds.Namespace, Name: u.Name, Key: u.Key, Reason: u.Text()}),
			Place:     at(u.Field),
		})
	}
	return out
}

// placeIn is the place of a node of a DaemonSet, or of the nearest key above it.
func (c *check) placeIn(t locate.Target) Place {
	if p, ok := c.finder.Find(t); ok {
		return c.shown(p)
	}
	file, node := c.graph.Document(t.Holder)
	if node == nil {
		return c.placeOf(t.Holder)
	}
	return c.nearest(file, node, t.Path)
}

var step = regexp.MustCompile(`\w+`)

// steps is a field such as spec.template.spec.initContainers[0].args[4], step by step.
func steps(field string) (path []any) {
	for _, s := range step.FindAllString(field, -1) {
		if i, err := strconv.Atoi(s); err == nil {
			path = append(path, i)
		} else {
			path = append(path, s)
		}
	}
	return path
}

// makes reports whether a DaemonSet is what a release makes: the labels that Flux, Helm or the chart write say so.
func makes(hr *helmv2.HelmRelease, ds *appsv1.DaemonSet) bool {
	flux, helm := rollout.Owners(ds)
	if flux.Name != "" {
		return flux.Namespace == hr.Namespace && flux.Name == hr.Name
	}
	name, target := cmp.Or(helm.Name, ds.Labels["app.kubernetes.io/instance"]), hr.GetReleaseNamespace()
	return name == hr.GetReleaseName() && (ds.Namespace == target || ds.Namespace == "" || target == "")
}

// merge adds what a DaemonSet shows, and the values do not, to the release that makes it.
func merge(rel, ds *Release) {
	for _, f := range ds.Findings {
		if !slices.ContainsFunc(rel.Findings, func(other Finding) bool {
			return other.Rule == f.Rule && (f.Rule == "empty-mirror-list" || strings.HasSuffix(f.Message, other.Text()))
		}) {
			rel.Findings = append(rel.Findings, f)
		}
	}
	rel.Unresolved = append(rel.Unresolved, ds.Unresolved...)
}

// asksFor reports whether a DaemonSet, or a finding of it, stands in what is asked for.
func (c *check) asksFor(o *fluxgraph.Object, rel *Release) bool {
	files := []string{c.fileOf(o)}
	for _, f := range rel.Findings {
		files = append(files, c.in.unshow(f.Place.File))
	}
	for _, n := range o.By.Chain() {
		files = append(files, n.File)
	}
	return slices.ContainsFunc(files, c.in.has)
}
