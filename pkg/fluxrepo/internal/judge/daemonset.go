package judge

import (
	"cmp"
	"context"
	"slices"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	appsv1 "k8s.io/api/apps/v1"

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
		if ctx.Err() != nil || j.Graph.Tree.Mark(o.Text)&worktree.Word == 0 {
			continue
		}
		d := &DaemonSet{Object: o}
		if err := decode(o, &d.DaemonSet, fields...); err != nil {
			j.isWrong(o, err)
		} else if d.judge(j) {
			out = append(out, d)
		}
	}
	return out
}

// judge runs the rules; it returns false where no container runs Spegel.
func (d *DaemonSet) judge(j *Judge) bool {
	const variable = "variable of Flux"
	res, ok := daemonset.Judge(&d.Spec.Template.Spec, j.Policy, func(text string) (rollout.Reference, int) {
		before, name, _ := substitute.Cut(text)
		if name == "" {
			return rollout.Reference{}, -1
		}
		return rollout.Reference{Kind: variable, Name: name}, len(before)
	})
	d.Findings = res.Findings
	for _, u := range res.Unresolved {
		ref := release.Reference{Kind: u.Kind, Namespace: d.Namespace, Name: u.Name, Key: u.Key, Reason: u.Text()}
		if u.Kind == variable {
			ref = why(u.Name, d.Object)
		}
		if a := (Argument{ref, u.Field}); !slices.Contains(d.Unresolved, a) { // one word may be a target, and a flag
			d.Unresolved = append(d.Unresolved, a)
		}
	}
	return ok
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
