package node

import (
	"context"
	"errors"
	"path"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// clusterTimeout bounds what is asked of the API server about Spegel, once for all checks.
const clusterTimeout = 15 * time.Second

// Cluster is the API server, for what only it knows.
type Cluster struct {
	Reader    client.Reader
	Namespace string // whose pods don't get their image
}

// Why the cluster says nothing of Spegel.
var (
	errNoCluster = errors.New("no cluster to ask: pass --kubeconfig")
	errNoSpegel  = errors.New("the cluster has no DaemonSet that runs Spegel")
	errWhich     = errors.New("several DaemonSets run Spegel, and none of their pods is known to run on this node")
)

// Placement is what the cluster runs of Spegel.
type Placement struct {
	rollout.DaemonSet
	Pods  []rollout.Pod
	asked bool
	// of a cluster with several DaemonSets, the others
	others []Placement
}

// spegel asks the cluster once. With several DaemonSets, each for a part of the nodes, it is the one that has
// a pod on this node, or else the first.
func (x *run) spegel(ctx context.Context) (*Placement, error) {
	if !x.placement.asked {
		// An API server that does not answer must not take the time of the checks that ask it in passing.
		ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
		defer cancel()
		x.placed = x.place(ctx)
		x.placement.asked = true
	}
	return &x.placement, x.placed
}

func (x *run) place(ctx context.Context) error {
	if x.Cluster == nil {
		return errNoCluster
	}
	sets, err := rollout.List(ctx, x.Cluster.Reader, "")
	if err != nil {
		return err
	}
	if len(sets) == 0 {
		return errNoSpegel
	}
	var all []Placement
	at := 0
	for i := range sets {
		pods, err := sets[i].Pods(ctx, x.Cluster.Reader)
		if err != nil {
			return err
		}
		p := Placement{DaemonSet: sets[i], Pods: pods}
		if own := p.on(x.nodeName()); own != nil {
			p.Configuration = own.Configuration // what this node was told, also by an old pod
			at = i
		}
		all = append(all, p)
	}
	x.placement = all[at]
	x.placement.others = slices.Delete(all, at, at+1)
	return nil
}

// spegelHere is what runs of Spegel on this node. With errWhich it is one of several that may.
func (x *run) spegelHere(ctx context.Context) (*Placement, error) {
	p, err := x.spegel(ctx)
	if err == nil && !x.isHere(p) {
		err = errWhich
	}
	return p, err
}

// isHere reports whether it is this DaemonSet that runs on this node, if one does.
func (x *run) isHere(p *Placement) bool { return len(p.others) == 0 || p.on(x.nodeName()) != nil }

// written is the hosts directory that Spegel is told to write on this node; empty where that is not known.
func (x *run) written(ctx context.Context) string {
	p, err := x.spegelHere(ctx)
	if err != nil || !path.IsAbs(p.HostsDir) {
		return ""
	}
	return path.Clean(p.HostsDir)
}

// on is the pod on a node, if there is one.
func (p *Placement) on(node string) *rollout.Pod {
	for i := range p.Pods {
		if node != "" && p.Pods[i].Node == node {
			return &p.Pods[i]
		}
	}
	return nil
}

func (x *run) nodeName() string {
	if x.Files == nil {
		return ""
	}
	return x.Files.Node()
}
