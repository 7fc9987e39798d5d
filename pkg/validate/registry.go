package validate

import "slices"

// Rule is the metadata of one rule. docs/rules.md is made of it, and so is the JSON of the command rules.
type Rule struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`   // one line, what it finds
	Default Severity `json:"default"` // without a word in the policy
	Effect  Effect   `json:"effect"`
	Why     string   `json:"why"`    // why it exists: what Spegel does with such values
	Reads   string   `json:"reads"`  // which chart values it looks at
	Limits  string   `json:"limits"` // what it cannot know
	Fix     string   `json:"fix"`    // what to do
	Bad     string   `json:"bad"`    // values in YAML that break the rule
	Good    string   `json:"good"`   // the same values, fixed

	// check returns what is wrong for certain, and the reasons of unknown nodes that could change that.
	check func(*values, Policy) (problems []problem, undecided []int)
}

// problem is what a rule's check returns; Validate makes a Finding of it.
type problem struct {
	path    Path
	value   string
	message string
	fix     string
	mild    bool // does no harm on a node here: a warning at most, whatever the policy says
}

var registry = []Rule{
	legacyRegistriesKey,
	emptyMirrorList,
	wildcardMirror,
	privateRegistryMirrored,
	invalidMirrorURL,
	misplacedRegistriesKey,
	renamedKey,
	ineffectiveMirror,
}

// Rules lists all rules in the order in which their findings are reported.
func Rules() []Rule { return slices.Clone(registry) }
