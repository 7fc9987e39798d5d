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
			"The release's own values pass, or can't be read, and yet the list that the DaemonSet carries puts Spegel between containerd and a private registry.",
			"Let the corrected values reach the cluster, as other-mirrors-in-force says; where no HelmRelease is, correct the values of whatever installs Spegel.",
		},
		{
			OtherMirrors, "the DaemonSet carries another list than the values ask for",
			"A release that is suspended, failing or not reconciled yet leaves the old list in force, however good its values are.",
			"Resume a suspended release; else see with flux what holds it up.",
		},
		{
			OldPods, "not every node has a pod of the current template",
			"A node keeps the list that its pod was made with until the pod is replaced.",
			"Wait for the rollout; with the update strategy OnDelete, delete the old pods.",
		},
		{
			NotConfigured, "an init container that writes the node's hosts directory has not ended well",
			"The node keeps the hosts files that were there before.",
			"Read the log of the init container.",
		},
		{
			NoDaemonSet, "nothing runs of a release that is not suspended",
			"The release was never installed, or what it made was taken away.",
			"See with flux why it is not installed.",
		},
		{
			NoHelmRelease, "Spegel runs, and no HelmRelease whose values are reviewed made it",
			"Nothing reviews its values: the webhook sees HelmReleases only.",
			"Install Spegel with a HelmRelease, or add its chart to the policy's charts.",
		},
		{
			NotSeen, "what runs of a release is not known, or not in full",
			"The verdict is about the values of the release alone.",
			"Grant what manifests/components/audit grants, or give each HelmRelease a Helm release of its own.",
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
