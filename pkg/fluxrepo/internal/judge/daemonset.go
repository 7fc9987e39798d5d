package judge

import (
	"cmp"
	"context"
	"fmt"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/spegel-guard/spegel-guard/pkg/daemonset"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// DaemonSet is one that runs Spegel, judged by its arguments.
type DaemonSet struct {
	appsv1.DaemonSet

	Object     *fluxgraph.Object
	Findings   []daemonset.Finding
	Unresolved []Argument
	Err        error // why it can't be judged
}

// Argument is what is not known of one argument.
type Argument struct {
	release.Reference
	Field string // spec.template.spec.initContainers[0].args[4]
}

// DaemonSets judges those that are built, and those in files that are judged though nothing builds them.
func (j *Judge) DaemonSets(ctx context.Context) (out []*DaemonSet) {
	fields := []string{"metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations"}
	for _, containers := range []string{"initContainers", "containers"} {
		for _, field := range []string{"name", "command", "args", "env", "envFrom"} {
			fields = append(fields, "spec.template.spec."+containers+"."+field)
		}
	}
	for _, o := range j.objects("DaemonSet", "apps/") {
		if ctx.Err() != nil || j.Graph.Tree().Mark(o.Text)&worktree.Word == 0 {
			continue
		}
		d := &DaemonSet{Object: o}
		if d.Err = Decode(o, &d.DaemonSet, fields...); d.Err != nil || d.judge(j) {
			out = append(out, d)
		}
	}
	return out
}

// judge runs the rules; it returns false where no container runs Spegel. What is about an argument with an unknown variable
// in it is not known.
func (d *DaemonSet) judge(j *Judge) bool {
	const pod = "spec.template.spec."
	unknown := map[string]bool{} // fields
	note := func(values []string, at *rollout.Argument) {
		for i, value := range values {
			field := pod + at.Field(i)
			for _, name := range substitute.Unknown(value) {
				unknown[field] = true
				d.Unresolved = append(d.Unresolved, Argument{why(name, []*fluxgraph.Object{d.Object}), field})
			}
		}
	}
	spec := &d.Spec.Template.Spec
	sources := rollout.Sources(spec)
	for i := range sources {
		note(sources[i].Mirrors, &sources[i].Mirrored)
		note(sources[i].Targets, &sources[i].Targeted)
	}
	res, ok := daemonset.Judge(spec, j.Policy)
	for _, f := range res.Findings {
		var open []Argument
		if f.Rule == "empty-mirror-list" {
			open = d.mayBeFlags(f.Container)
		}
		for _, a := range open {
			if !unknown[a.Field] {
				unknown[a.Field] = true
				d.Unresolved = append(d.Unresolved, a)
			}
		}
		if !unknown[f.Field] && len(open) == 0 {
			d.Findings = append(d.Findings, f)
		}
	}
	for _, u := range res.Unresolved {
		d.Unresolved = append(d.Unresolved, Argument{
			release.Reference{Kind: u.Kind, Namespace: d.Namespace, Name: u.Name, Key: u.Key, Reason: u.Text()}, u.Field,
		})
	}
	return ok
}

// mayBeFlags lists the words of a container that begin with an unknown variable: one of them may be the flag of a list that is not
// there otherwise.
func (d *DaemonSet) mayBeFlags(container string) (out []Argument) {
	add := func(field string, words []string) {
		for i, word := range words {
			if name := substitute.First(word); name != "" {
				out = append(out, Argument{why(name, []*fluxgraph.Object{d.Object}), fmt.Sprintf("%s[%d]", field, i)})
			}
		}
	}
	look := func(field string, containers []corev1.Container) {
		for i := range containers {
			if c := &containers[i]; c.Name == container {
				add(fmt.Sprintf("spec.template.spec.%s[%d].command", field, i), c.Command)
				add(fmt.Sprintf("spec.template.spec.%s[%d].args", field, i), c.Args)
			}
		}
	}
	look("initContainers", d.Spec.Template.Spec.InitContainers)
	look("containers", d.Spec.Template.Spec.Containers)
	return out
}

// IsMadeBy reports whether a release makes the DaemonSet: the labels that Flux, Helm or the chart write say so.
func (d *DaemonSet) IsMadeBy(hr *helmv2.HelmRelease) bool {
	flux, helm := rollout.Owners(&d.DaemonSet)
	if flux.Name != "" {
		return flux.Namespace == hr.Namespace && flux.Name == hr.Name
	}
	name, target := cmp.Or(helm.Name, d.Labels["app.kubernetes.io/instance"]), hr.GetReleaseNamespace()
	return name == hr.GetReleaseName() && (d.Namespace == target || d.Namespace == "" || target == "")
}
