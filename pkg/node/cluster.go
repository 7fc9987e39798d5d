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

// Placement is a DaemonSet of the cluster that runs Spegel.
type Placement struct {
	rollout.DaemonSet
	Pods []rollout.Pod
}

// spegel asks the cluster once. Of several DaemonSets, each for a part of the nodes, the one that has a pod on this node is the first.
func (x *run) spegel(ctx context.Context) ([]Placement, error) {
	if !x.asked {
		// An API server that does not answer must not take the time of the checks that ask it in passing.
		ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
		defer cancel()
		x.placements, x.placed = x.place(ctx)
		x.asked = true
	}
	return x.placements, x.placed
}

func (x *run) place(ctx context.Context) (all []Placement, err error) {
	if x.Cluster == nil {
		return nil, errNoCluster
	}
	sets, err := rollout.List(ctx, x.Cluster.Reader, "")
	if err == nil && len(sets) == 0 {
		err = errNoSpegel
	}
	for i := range sets {
		pods, err := sets[i].Pods(ctx, x.Cluster.Reader)
		if err != nil {
			return nil, err
		}
		p := Placement{sets[i], pods}
		if own := p.on(x.nodeName()); own != nil {
			p.Configuration = own.Configuration // what this node was told, also by an old pod
			all = slices.Insert(all, 0, p)
			continue
		}
		all = append(all, p)
	}
	return all, err
}

// spegelHere is what runs of Spegel on this node.
func (x *run) spegelHere(ctx context.Context) (*Placement, error) {
	all, err := x.spegel(ctx)
	switch {
	case err != nil:
		return &Placement{}, err
	case len(all) > 1 && all[0].on(x.nodeName()) == nil:
		return &Placement{}, errWhich
	}
	return &all[0], nil
}

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
