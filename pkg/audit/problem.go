package audit

import "slices"

// ProblemID names a kind of problem with what runs.
type ProblemID string

// The kinds of problems.
const (
	PrivatePulls  ProblemID = "private-pulls-at-risk"
	OtherMirrors  ProblemID = "other-mirrors-in-force"
	OldPods       ProblemID = "pods-of-an-older-template"
	NotConfigured ProblemID = "node-not-configured"
	NoDaemonSet   ProblemID = "no-daemonset"
	NoHelmRelease ProblemID = "no-helmrelease"
	NotSeen       ProblemID = "cluster-not-seen"
)

// Problem is one thing that is wrong with what runs of a release. It is no finding of the rules: the webhook
// can't see it, so it never denies.
type Problem struct {
	ID ProblemID
	// Message says what is wrong, and Fix what to do, which may be a command.
	Message, Fix string
}

// ProblemKind is the metadata of one kind of problem.
type ProblemKind struct {
	ID    ProblemID
	Title string // one line, what it finds
	Why   string // what follows
	Fix   string // what to do
}

// Problems lists all kinds of problems in the order in which they are reported.
func Problems() []ProblemKind {
	return []ProblemKind{
		{
			PrivatePulls, "what runs would fail a rule that denies",
			"The release's own values pass or can't be read, but the list in the DaemonSet puts Spegel between containerd and a private registry.",
			"Get the corrected values into the cluster, as for other-mirrors-in-force; without a HelmRelease, correct the values of whatever installs Spegel.",
		},
		{
			OtherMirrors, "the DaemonSet has a different list from the one in the values",
			"While a release is suspended, failing or not yet reconciled, the old list stays in force, however good its values are.",
			"Resume a suspended release; otherwise ask flux why it is not reconciled.",
		},
		{
			OldPods, "not every node has a pod of the current template",
			"A node keeps the list that its pod was made with until the pod is replaced.",
			"Wait for the rollout; with the update strategy OnDelete, delete the old pods.",
		},
		{
			NotConfigured, "an init container that writes the node's hosts directory has not completed",
			"The node keeps the hosts files that were there before.",
			"Read the log of the init container.",
		},
		{
			NoDaemonSet, "a release is not suspended, but nothing of it runs",
			"The release was never installed, or its DaemonSet was deleted.",
			"Ask flux why it is not installed.",
		},
		{
			NoHelmRelease, "Spegel runs, but no HelmRelease whose values are reviewed installed it",
			"Nothing reviews its values: the webhook sees HelmReleases only.",
			"Install Spegel with a HelmRelease, or add its chart to the policy's charts.",
		},
		{
			NotSeen, "what runs of a release could not be seen, or not in full",
			"The verdict covers the values of the release only.",
			"Grant the permissions in manifests/components/audit, or give each HelmRelease its own releaseName.",
		},
	}
}

// sortProblems puts them in the order of Problems.
func sortProblems(problems []Problem) {
	kinds := Problems()
	rank := func(id ProblemID) int {
		return slices.IndexFunc(kinds, func(k ProblemKind) bool { return k.ID == id })
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return rank(a.ID) - rank(b.ID) })
}
