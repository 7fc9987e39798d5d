package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// seen is what runs of Spegel in one namespace, or in all.
type seen struct {
	running []rollout.DaemonSet
	claimed []bool
	problem string // why nothing is known of it
}

// look adds what runs of each release, and what runs without one.
func (o *Options) look(ctx context.Context, res *Result) error {
	byNamespace := map[string]*seen{}
	for i := range res.Releases {
		rel := &res.Releases[i]
		if rel.from.elsewhere {
			continue
		}
		s, err := o.see(ctx, byNamespace, rel.from.release.Namespace)
		if err != nil {
			return err
		}
		if err := o.facts(ctx, rel, s, res); err != nil {
			return err
		}
	}
	s, err := o.see(ctx, byNamespace, o.Namespace)
	if err != nil {
		return err
	}
	for i := range s.running {
		if d := &s.running[i]; !s.claimed[i] && o.inScope(d) {
			rel, err := o.loose(ctx, d, res.makers(d))
			if err != nil {
				return err
			}
			res.Releases = append(res.Releases, *rel)
		}
	}
	return nil
}

// see lists the DaemonSets of a namespace once, or those of all namespaces if all are audited.
func (o *Options) see(ctx context.Context, known map[string]*seen, namespace string) (*seen, error) {
	if o.Namespace == "" {
		namespace = ""
	}
	if s, ok := known[namespace]; ok {
		return s, nil
	}
	running, err := rollout.List(ctx, o.Reader, namespace)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	s := &seen{running: running, claimed: make([]bool, len(running)), problem: reason(err)}
	known[namespace] = s
	return s, nil
}

// reason is why something can't be read, in words.
func reason(err error) string {
	switch {
	case err == nil:
		return ""
	case apierrors.IsForbidden(err):
		return "may not be listed"
	case errors.Is(err, context.DeadlineExceeded) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err):
		return "could not be listed in time"
	default:
		return "could not be listed"
	}
}

// facts adds the DaemonSets that a release made, and what is wrong with them.
func (o *Options) facts(ctx context.Context, rel *Release, s *seen, res *Result) error {
	if s.problem != "" {
		rel.Problems = []Problem{{NotSeen, "what runs of this release is not known, because DaemonSets " + s.problem + "; its values are still judged", "to see what runs, grant list on daemonsets.apps"}}
		return nil
	}
	for i := range s.running {
		d := &s.running[i]
		if !rel.from.made(d) {
			continue
		}
		if makers := res.makers(d); len(makers) > 1 {
			rel.Problems = append(rel.Problems, shared(d, makers))
			continue
		}
		s.claimed[i] = true
		if err := o.addDaemonSet(ctx, rel, d, rel.from.secret); err != nil {
			return err
		}
	}
	if len(rel.DaemonSets) == 0 && len(rel.Problems) == 0 && !rel.Suspended && !rel.Deleting {
		rel.Problems = append(rel.Problems, Problem{
			NoDaemonSet, "no DaemonSet of this release was found, so it does not run Spegel", "see why: " + rel.flux("get helmreleases"),
		})
	}
	sortProblems(rel.Problems)
	return nil
}

// inScope reports whether a DaemonSet that no release claims is one to report: all HelmReleases that could
// have made it were looked at.
func (o *Options) inScope(d *rollout.DaemonSet) bool {
	return o.Namespace == "" || d.HelmRelease.Namespace == "" || d.HelmRelease.Namespace == o.Namespace
}

// loose is a release for a DaemonSet that no HelmRelease of Spegel made. Its list is hidden where one of its
// makers has values in a Secret, and where it is not known which HelmRelease's values it has.
func (o *Options) loose(ctx context.Context, d *rollout.DaemonSet, makers []*origin) (*Release, error) {
	rel := &Release{Kind: "DaemonSet", Namespace: d.Namespace, Name: d.Name, UID: d.UID}
	rel.Problems = []Problem{o.unreviewed(d, makers)}
	unknown := d.HelmRelease.Name != "" && len(makers) == 0
	hidden := unknown || slices.ContainsFunc(makers, func(m *origin) bool { return m.secret || m.elsewhere || m.spegel })
	if err := o.addDaemonSet(ctx, rel, d, hidden); err != nil {
		return nil, err
	}
	sortProblems(rel.Problems)
	return rel, nil
}

// shared says that a DaemonSet is that of several HelmReleases, as far as Helm's annotations tell.
func shared(d *rollout.DaemonSet, makers []*origin) Problem {
	var all []string
	for _, m := range makers {
		all = append(all, m.name.String())
	}
	return Problem{
		NotSeen, fmt.Sprintf("HelmReleases %s share the Helm release of DaemonSet %s, so it is not known which of them installed it", abridged(all, ", "), d),
		"give each HelmRelease its own releaseName",
	}
}

// unreviewed says why nothing reviews the values of a DaemonSet that no release of Spegel claims.
func (o *Options) unreviewed(d *rollout.DaemonSet, makers []*origin) Problem {
	p := Problem{NoHelmRelease, fmt.Sprintf("DaemonSet %s runs Spegel, but no HelmRelease installed it, so nothing reviews its values", d), "install Spegel with a HelmRelease"}
	named := fmt.Sprintf("DaemonSet %s runs Spegel, and by its labels HelmRelease %s made it", d, d.HelmRelease)
	switch {
	case len(makers) > 1:
		return shared(d, makers)
	case d.HelmRelease.Name == "":
	case len(makers) == 0:
		p.Message = named + ", but there is no such HelmRelease, so nothing reviews its values"
		p.Fix = "install Spegel with a HelmRelease, or delete the DaemonSet if it was left behind"
	case makers[0].elsewhere:
		p.Message = named + ", but that one installs into another cluster (spec.kubeConfig), so it is not known what did"
		p.Fix = "if that is this cluster, remove spec.kubeConfig; otherwise install Spegel with a HelmRelease of this cluster"
	case makers[0].spegel:
		p.Message = named + ", but that one installs into namespace " + makers[0].release.Namespace + ", so it is not known what did"
		p.Fix = "audit all namespaces, or see what made it"
	default:
		p.Message = named + ", but its chart is not one of the policy's charts, so nothing reviews its values"
		p.Fix = "add it to the policy's charts"
	}
	return p
}

// flux is a command of the flux CLI about the release.
func (r *Release) flux(verb string) string {
	return "flux -n " + r.Namespace + " " + verb + " " + r.Name
}
