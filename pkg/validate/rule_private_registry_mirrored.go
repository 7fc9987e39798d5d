package validate

// privateRegistryMirrored exists because a registry on the list is asked of the peers first. It reads
// the entries of spegel.mirroredRegistries and the policy's private registries. It cannot know a
// private registry that the policy does not name.
var privateRegistryMirrored = Rule{
	ID:      "private-registry-mirrored",
	Title:   "an entry of spegel.mirroredRegistries is a private registry of the policy",
	Default: Deny,
	Effect:  StandsBetween,
	Why: "For each entry Spegel writes a hosts file that sends containerd to Spegel first. There are three reasons to keep " +
		"a private registry off the list. Its own settings are displaced: Spegel moves its hosts file (CA, plain http, " +
		"mirror, client certificate) to `_backup`, and a pull that needs them fails. Its errors are hidden: whatever goes " +
		"wrong, the pod shows the \"not found\" of the peers. And its images are served without a login: a node hands what " +
		"it holds to every peer.",
	Reads: "the entries of `spegel.mirroredRegistries`, and `spegel.containerdMirrorAdd`",
	Limits: "It knows only the private registries that the policy names. With `containerdMirrorAdd: false` it only warns, " +
		"since Spegel writes no hosts files there.",
	Fix: "Remove the entry. containerd then goes straight to the registry, without the hosts file that Spegel has moved " +
		"aside. If you need that file, keep the entry, set `prependExisting: true`, which puts the registry's own hosts " +
		"back behind Spegel, and set `private-registry-mirrored: warn` in the policy.",
	Bad: `# with privateRegistries: [harbor.example.com]
spegel:
  mirroredRegistries:
    - https://docker.io
    - https://harbor.example.com
`,
	Good: `# with privateRegistries: [harbor.example.com]
spegel:
  mirroredRegistries:
    - https://docker.io
`,
	check: func(v *values, policy Policy) (out []problem, undecided []int) {
		if len(policy.PrivateRegistries) == 0 {
			return nil, nil
		}
		fix := "remove the entry"
		if !v.writesNoHosts() && !v.olderThan(renamed) {
			fix += ", or set prependExisting: true and let the policy warn of it"
		}
		private := func(e entry) (host string, ok bool) {
			s, _ := e.raw.(string)
			return privateHost(s, policy.PrivateRegistries)
		}
		out, undecided = v.list.problems(func(e entry) (problem, bool) {
			host, ok := private(e)
			if !ok {
				return problem{}, false
			}
			const asked = `, so containerd asks Spegel first for its images, and their pulls may fail with "not found"`
			return v.says(problem{fix: fix}, "names the private registry "+Clean(host), asked), true
		})
		for e := range v.list.entries {
			if _, ok := private(e); !ok {
				return out, undecided
			}
		}
		for i := range out { // nothing would be left, and an empty list is worse
			out[i].fix = "list public registries instead, " + examples
		}
		return out, undecided
	},
}

// privateHost is the host that an entry names, if it is private.
func privateHost(entry string, private []Registry) (string, bool) {
	for e := range endpoints(entry) {
		for _, r := range private {
			if !r.matches(e) {
				continue
			}
			if _, isIP := parseIP(e.host); !isIP && checkHostName(e.host) != nil {
				return r.String(), true // what stands before the domain is no host, and may be a password
			}
			return e.host, true
		}
	}
	return "", false
}
