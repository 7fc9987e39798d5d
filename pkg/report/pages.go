package report

// Where the documentation is.
const (
	homepage       = "https://github.com/spegel-guard/spegel-guard"
	rulesPage      = homepage + "/blob/main/docs/rules.md"
	problemsPage   = homepage + "/blob/main/docs/audit.md#what-only-a-cluster-knows"
	unresolvedPage = homepage + "/blob/main/docs/ci.md#values-that-are-not-in-the-repository"
)
