package node

import (
	"cmp"
	"context"
	"errors"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

func (x *run) rollout(ctx context.Context) Result {
	all, err := x.spegel(ctx)
	switch {
	case errors.Is(err, errNoSpegel):
		return Result{
			Status:   Warn,
			Evidence: []string{errNoSpegel.Error() + "; hosts files that point at Spegel, if there are any, are left over"},
			Fix:      "if Spegel was uninstalled, each node may still have hosts files that point at it; mirror-config names them where a node is looked at",
		}
	case err != nil:
		return skip("the API server does not say: %s", redact.Line(err.Error()))
	}
	var f Result
	for i := range all {
		judgeRollout(&all[i], &f)
	}
	if node := x.nodeName(); node != "" && all[0].on(node) == nil {
		f.note("no pod of Spegel is known to run on %s", node)
	}
	return f
}

// judgeRollout judges one DaemonSet.
func judgeRollout(p *Placement, f *Result) {
	name := redact.Name(p.String())
	if !p.Observed { // its counts, and what is old, are of an earlier template
		f.add(Warn, "DaemonSet %s: its controller has not come to the current template yet", name)
		f.fix("wait for it: kubectl -n %s rollout status ds/%s; then run doctor again", word(p.Namespace), word(p.Name))
		return
	}
	f.add(Pass, "DaemonSet %s: %d of %d nodes have a pod of the current template", name, p.Updated, p.Desired)
	failed := !p.Current()
	if failed {
		f.add(Fail, "not every pod of DaemonSet %s is as new as its template, and a node keeps what its old pod wrote", name)
	}
	var old, stuck, unknown []string
	for _, pod := range p.Pods {
		switch at := redact.Name(pod.Node); {
		case pod.Old:
			old = append(old, at)
		case !pod.Current:
			unknown = append(unknown, at)
		case pod.Writes && !pod.Configured:
			stuck = append(stuck, at)
		}
	}
	if len(old) > 0 {
		f.add(Fail, "an old pod runs on %s", few(old))
	}
	if len(unknown) > 0 {
		f.add(Warn, "no ControllerRevision of the DaemonSet has the hash of the pod on %s, so whether that is old is not known", few(unknown))
		f.fix("run doctor again: the pod may have been made while it ran")
	}
	if len(stuck) > 0 {
		f.add(Fail, "the init container that writes the hosts directory has not ended well on %s", few(stuck))
		f.fix("kubectl -n %s logs ds/%s -c configuration", word(p.Namespace), word(p.Name))
	}
	if failed && len(stuck) == 0 || len(old) > 0 {
		f.fix("%s", p.renew(p.SelectOld(p.Pods)))
	}
}

// renew is how pods of a DaemonSet, as kubectl selects them, become as new as its template. With OnDelete a restart would replace none
// of them, and make all of them old.
func (p *Placement) renew(pods string) string {
	if !p.OnDelete {
		return "kubectl -n " + word(p.Namespace) + " rollout restart ds/" + word(p.Name)
	}
	return "its update strategy is OnDelete, so delete the old pods: kubectl -n " + word(p.Namespace) + " delete pod " + cmp.Or(pods, "<the pod of each node>")
}

// restart is how Spegel's pods write the hosts directory anew, once the DaemonSet has the list that it should have.
func (x *run) restart(ctx context.Context) string {
	p, err := x.spegelHere(ctx)
	if err != nil {
		return "kubectl -n <namespace> rollout restart ds/<spegel>"
	}
	if own := p.on(x.nodeName()); own != nil {
		return p.renew(word(own.Name))
	}
	return p.renew("")
}
