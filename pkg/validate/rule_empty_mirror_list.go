package validate

// emptyMirrorList exists because the chart passes --mirrored-registries only with a non-empty value,
// and without the flag Spegel writes _default/hosts.toml, which stands for every registry. It reads
// spegel.mirroredRegistries. It cannot know whether the cluster pulls from a private registry at all.
var emptyMirrorList = Rule{
	ID:      "empty-mirror-list",
	Title:   "spegel.mirroredRegistries is absent, null or empty",
	Default: Deny,
	Effect:  StandsBetween,
	Why: "Without a list Spegel answers for every registry. containerd asks it for private images first, its peers answer " +
		"404, and containerd goes on to the registry itself. That may fail: Spegel has moved the registry's own hosts " +
		"file aside, with its CA, mirror or client certificate. The pod then shows the \"not found\" of the peers and hides " +
		"the real reason. Besides, a node serves the private images that it holds to its peers without a login. Spegel's " +
		"own quick start sets no list, which is fine for a cluster that pulls from public registries only.",
	Reads: "`spegel.mirroredRegistries` and `spegel.containerdMirrorAdd`",
	Limits: "It can't know whether the cluster uses a private registry. If it uses none, turn the rule off in the policy. " +
		"With `containerdMirrorAdd: false` it only warns, since Spegel writes no hosts files there. It finds nothing " +
		"where the chart is known to be older than v0.1.0, whose default is a list of ten public registries.",
	Fix: "List the public registries that the peers should share.",
	Bad: `spegel:
  mirroredRegistries: []
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
    - https://ghcr.io
`,
	check: func(v *values, _ Policy) ([]problem, []int) {
		if _, ok := v.notRenderable(); ok || v.olderThan(renamed) {
			return nil, nil
		}
		if empty, unknown := v.list.isEmpty(); !empty {
			return nil, unknown
		}
		p := problem{path: v.list.path, message: v.list.state(), fix: "list the registries to mirror, " + examples}
		return []problem{v.says(p, ", so Spegel answers for every registry", mayFail)}, nil
	},
}

// mayFail is what follows for the private registries among all that Spegel answers for.
const mayFail = `, the private ones included, and their pulls may fail with "not found"`

// examples is how a fix shows what an entry looks like.
const examples = "e.g. https://docker.io, https://ghcr.io"
