package validate

// emptyMirrorList exists because the chart passes --mirrored-registries only with a non-empty value,
// and without the flag Spegel writes _default/hosts.toml, which stands for every registry. It reads
// spegel.mirroredRegistries. It cannot know whether the cluster pulls from a private registry at all.
var emptyMirrorList = Rule{
	ID:      "empty-mirror-list",
	Title:   "spegel.mirroredRegistries is absent, null or empty",
	Default: Deny,
	Effect:  PrivatePullsFail,
	Why: "Without a list Spegel mirrors every registry: containerd asks the peers for private images too, they answer " +
		"404, and the pull fails with \"not found\" although the image exists. Spegel's own quick start sets no list, " +
		"which is fine for a cluster that pulls from public registries only.",
	Reads:  "`spegel.mirroredRegistries`",
	Limits: "It does not know whether the cluster uses a private registry at all. Where none is used, a policy may turn it off.",
	Fix:    "List the public registries that the peers should share.",
	Bad: `spegel:
  mirroredRegistries: []
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
    - https://ghcr.io
`,
	check: func(v *values, _ Policy) ([]problem, []int) {
		if _, ok := v.notRenderable(); ok {
			return nil, nil
		}
		if empty, unknown := v.list.isEmpty(); !empty {
			return nil, unknown
		}
		state := "empty"
		switch {
		case !v.list.set:
			state = "not set"
		case v.list.node == nil:
			state = "null"
		}
		return []problem{{
			path:    v.list.path,
			message: state + `, so Spegel mirrors every registry and private images fail to pull with "not found"`,
			fix:     "list the registries to mirror, " + examples,
		}}, nil
	},
}

// examples is how a fix shows what an entry looks like.
const examples = "e.g. https://docker.io, https://ghcr.io"
