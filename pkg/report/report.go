package report

import "github.com/spegel-guard/spegel-guard/pkg/validate"

// SchemaVersion is the version of the JSON report. It changes when a field is renamed or goes away.
const SchemaVersion = "1"

// Verdict is what comes out for a release: the first that applies, in this order.
type Verdict string

// The verdicts.
const (
	VerdictDeny       Verdict = "deny"
	VerdictWarn       Verdict = "warn"
	VerdictUnresolved Verdict = "unresolved"
	VerdictPass       Verdict = "pass"
)

// Report is a whole run. Its JSON form is a contract. Make one with New or Judge, which draw the verdicts
// and count them.
type Report struct {
	SchemaVersion string    `json:"schemaVersion"`
	Summary       Summary   `json:"summary"`
	Releases      []Release `json:"releases"`
	Errors        []Error   `json:"errors"`

	// Files is the number of files read; 0 for a live cluster.
	Files int `json:"-"`
	// Faults and Remote count what could not be built, or lies elsewhere, and does not concern Spegel.
	Faults int `json:"-"`
	Remote int `json:"-"`
}

// Summary counts the releases of Spegel by verdict.
type Summary struct {
	Releases   int `json:"releases"`
	Denied     int `json:"denied"`
	Warned     int `json:"warned"`
	Unresolved int `json:"unresolved"`
	Passed     int `json:"passed"`
}

// Release is one release of Spegel.
type Release struct {
	// Kind is empty for a HelmRelease. Where Spegel runs without one, in a cluster or by a manifest, it is that of what runs.
	Kind      string  `json:"kind,omitempty"`
	Namespace string  `json:"namespace"`
	Name      string  `json:"name"`
	Chart     string  `json:"chart"`
	Version   string  `json:"version"`
	Verdict   Verdict `json:"verdict"`
	// Built is true for what a Kustomization of Flux in the repository builds; in a cluster it is true.
	Built     bool `json:"built"`
	Suspended bool `json:"suspended"`
	// Deleting reports whether a HelmRelease in a cluster is being deleted.
	Deleting bool `json:"deleting,omitempty"`
	// From is the chain of Flux Kustomizations that builds the release, outermost first; nil for a live
	// cluster.
	From       []string     `json:"from,omitzero"`
	Findings   []Finding    `json:"findings"`
	Unresolved []Unresolved `json:"unresolved"`
	// Cluster is what runs of the release; nil for a repository.
	Cluster *Cluster `json:"cluster,omitempty"`

	// Inactive says that nothing in the repository builds the release, as far as all can be seen.
	Inactive bool `json:"-"`
	// Place is where the HelmRelease itself stands.
	Place Place `json:"-"`
	// UID is the object's in a cluster.
	UID string `json:"-"`
}

// ID is namespace/name, after the kind if it is not a HelmRelease.
func (r *Release) ID() string { return join(" ", r.Kind, join("/", r.Namespace, r.Name)) }

// Finding is one broken rule at one place.
type Finding struct {
	Rule string `json:"rule"`
	// Severity is the one in force: a finding of a release that is suspended, or that nothing builds, is a
	// warning whatever the policy says of its rule.
	Severity validate.Severity `json:"severity"`
	Path     string            `json:"path"`
	Message  string            `json:"message"`
	Fix      string            `json:"fix"`
	// Documentation is the address of the page about the rule.
	Documentation string `json:"documentation"`
	Place

	// Secret says that the value comes out of a Secret, so that its source line must not be shown.
	Secret bool `json:"-"`
}

// Unresolved is an object that could not be read and that could change the findings.
type Unresolved struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Key       string `json:"key,omitempty"`
	Reason    string `json:"reason"`
	// Documentation is the address of the page about such a thing.
	Documentation string `json:"documentation"`
	Place

	// Severity is deny where the policy asks for it, else warn.
	Severity validate.Severity `json:"-"`
	// Source says that it is the chart's source, for which no policy denies a release.
	Source bool `json:"-"`
}

// Object names what could not be read, e.g. Secret kube-system/spegel-values key values.yaml.
func (u *Unresolved) Object() string {
	key := u.Key
	if key != "" {
		key = "key " + key
	}
	return join(" ", u.Kind, join("/", u.Namespace, u.Name), key)
}

// Error is something that could not be checked.
type Error struct {
	Message string `json:"message"`
	// Fatal says that a release could have come from there, so that the run is not complete.
	Fatal bool `json:"fatal"`
	// Unfollowed says that something lies elsewhere or is not there, and so what it holds was not checked.
	Unfollowed bool `json:"unfollowed,omitempty"`
	Place
}

// label says what it is, in a word or two.
func (e *Error) label() string {
	switch {
	case e.Fatal:
		return "error"
	case e.Unfollowed:
		return "not followed"
	}
	return "warning"
}

// Place is where something stands in a file. Without a file, as in a live cluster, it is the zero value.
// Line and Column count from 1, columns in Unicode code points; 0 is not known.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Approximate says that the exact place could not be told, and that this is the nearest.
	Approximate bool `json:"approximate,omitempty"`
}

// Complete reports whether everything that could hold a release was checked.
func (r *Report) Complete() bool { return r.fatal() == 0 }

// fatal counts the errors that leave the run incomplete.
func (r *Report) fatal() int {
	return many(r.Errors, func(e Error) bool { return e.Fatal })
}

// unfollowed counts what could not be followed and leaves the run complete all the same.
func (r *Report) unfollowed() int {
	return many(r.Errors, func(e Error) bool { return e.Unfollowed && !e.Fatal })
}

func many[T any](all []T, is func(T) bool) (n int) {
	for _, one := range all {
		if is(one) {
			n++
		}
	}
	return n
}
