package report

import (
	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// FromAudit makes the report of a cluster. What is unresolved denies a release if the policy says so.
func FromAudit(res *audit.Result, unresolved policy.Unresolved) *Report {
	releases := make([]Release, 0, len(res.Releases))
	for i := range res.Releases {
		releases = append(releases, fromCluster(&res.Releases[i]))
	}
	return Judge(releases, nil, unresolved)
}

func fromCluster(rel *audit.Release) Release {
	out := Release{
		Namespace: rel.Namespace, Name: rel.Name, Chart: rel.Chart, Version: rel.Version, Built: true,
		Suspended: rel.Suspended, Deleting: rel.Deleting, UID: string(rel.UID),
		Cluster: &Cluster{DaemonSets: []DaemonSet{}, Problems: []Problem{}},
	}
	if rel.Kind != helmv2.HelmReleaseKind {
		out.Kind = rel.Kind
	}
	for i := range rel.Findings {
		out.Findings = append(out.Findings, FromFinding(&rel.Findings[i]))
	}
	for _, ref := range rel.Unresolved {
		out.Unresolved = append(out.Unresolved, FromReference(ref))
	}
	for i := range rel.DaemonSets {
		d := &rel.DaemonSets[i]
		out.Cluster.DaemonSets = append(out.Cluster.DaemonSets, DaemonSet{
			Namespace: d.Namespace, Name: d.Name, Mirrors: d.Mirrors, Everything: d.Everything, WritesHosts: d.Writes,
			Nodes: d.Nodes, Updated: d.Updated, Current: d.Current,
		})
	}
	for _, p := range rel.Problems {
		out.Cluster.Problems = append(out.Cluster.Problems, Problem{Problem: string(p.ID), Message: p.Message, Fix: p.Fix, Documentation: problemsPage})
	}
	return out
}
