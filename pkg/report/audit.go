package report

import (
	helmv2 "github.com/fluxcd/helm-controller/api/v2"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// Cluster is what only a cluster knows of a release. No rule is about it, and the webhook can't see it, so
// a problem with it is a warning and never denies.
type Cluster struct {
	// DaemonSets are what runs of the release; mostly one.
	DaemonSets []audit.DaemonSet `json:"daemonSets"`
	Problems   []Problem         `json:"problems"`
}

// Problem is one thing that is wrong with what runs.
type Problem struct {
	Problem string `json:"problem"`
	Message string `json:"message"`
	Fix     string `json:"fix"`
	// Documentation is the address of the page about such problems.
	Documentation string `json:"documentation"`
}

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
		Cluster: &Cluster{DaemonSets: notNil(rel.DaemonSets), Problems: []Problem{}},
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
	for _, p := range rel.Problems {
		out.Cluster.Problems = append(out.Cluster.Problems, Problem{Problem: string(p.ID), Message: p.Message, Fix: p.Fix, Documentation: problemsPage})
	}
	return out
}
