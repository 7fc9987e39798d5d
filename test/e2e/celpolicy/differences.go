package celpolicy

// difference says what the CEL policies do with a release to which the webhook says something else.
type difference struct {
	denied bool
	reason string
}

// differences are those of the corpora, by the name of the case. Everything that is not here must be judged alike.
// An admission is no more than that: what the CEL policies can't see, they let through.
var differences = map[string]difference{
	"invalid-mirror-url/fail-fragment":                 {reason: "CEL's URL would not parse with a fragment, so it is cut off unread"},
	"private-registry-mirrored/fail-idna":              {reason: "CEL has no IDNA"},
	"private-registry-mirrored/fail-ip-zone":           {reason: "CEL's IP has no zones"},
	"private-registry-mirrored/fail-several-in-a-host": {reason: "to CEL's URL it is one host"},
	"parity/dead-key-in-configmap":                     {reason: "the value is in a ConfigMap"},
	"parity/later-reference-wins":                      {reason: "the value is in a ConfigMap"},
	"parity/null-in-a-later-reference":                 {reason: "the value is in a ConfigMap"},
	"parity/other-name-behind-ocirepository":           {reason: "the chart's name is in an OCIRepository"},
	"parity/private-host-in-configmap":                 {reason: "the value is in a ConfigMap"},
	"parity/target-path":                               {reason: "a targetPath may reach into the inline values"},
	"parity/unresolved-denied-by-policy":               {reason: "unresolved: deny is a setting of the policy file"},
	"parity/ocirepository-of-truecharts":               {denied: true, reason: "the URL is in an OCIRepository"},
	"parity/named-spegel-but-another-chart":            {denied: true, reason: "the chart's name is in an OCIRepository, and a release that is called spegel counts as Spegel's until it is read"},
}

// unsaid are the rules that the webhook warns of in a case and the CEL policies do not.
var unsaid = map[string][]string{
	"misplaced-registries-key/fail-two-edits": {"misplaced-registries-key"}, // CEL can't count the letters that differ
}

// Differences lists the cases of the corpora about which the CEL policies and the webhook do not agree, and why.
func Differences() map[string]string {
	all := map[string]string{}
	for name, d := range differences {
		all[name] = d.reason
	}
	return all
}
