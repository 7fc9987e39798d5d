package validate

// privateRegistryMirrored exists because a registry on the list is asked of the peers first. It reads
// the entries of spegel.mirroredRegistries and the policy's private registries. It cannot know a
// private registry that the policy does not name.
var privateRegistryMirrored = Rule{
	ID:      "private-registry-mirrored",
	Title:   "an entry of spegel.mirroredRegistries is a private registry of the policy",
	Default: Deny,
	Effect:  PrivatePullsFail,
	Why: "Spegel writes a hosts file for each entry that sends containerd to the peers. For an image that no peer has they " +
		"answer 404, and a private image is one that often no peer may serve: the pull fails with \"not found\".",
	Reads: "the entries of `spegel.mirroredRegistries`",
	Limits: "It knows only the private registries that the policy names. Leaving a registry off the list keeps Spegel out of " +
		"its way; it does not keep a hosts file that was written for it by hand, since Spegel moves those aside.",
	Fix: "Remove the entry; name public registries only.",
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
	check: func(v *values, p Policy) (out []problem, undecided []int) {
		all := true
		for e := range v.list.entries {
			if len(out) == maxFindings && !all {
				break
			}
			if u, ok := e.raw.(Unknown); ok && len(p.PrivateRegistries) > 0 {
				undecided = addReasons(undecided, u)
			}
			s, _ := e.raw.(string)
			host, ok := privateHost(s, p.PrivateRegistries)
			switch {
			case !ok:
				all = false
			case len(out) < maxFindings:
				out = append(out, problem{
					path: e.path(), value: e.quoted(),
					message: "names the private registry " + Clean(host) + `, whose images would be asked of the peers and fail to pull with "not found"`,
					fix:     "remove the entry",
				})
			}
		}
		if all { // nothing would be left, and an empty list is worse
			for i := range out {
				out[i].fix = "list public registries instead, " + examples
			}
		}
		return out, undecided
	},
}

// privateHost is the host that an entry names, if it is private.
func privateHost(entry string, private []Registry) (string, bool) {
	if entry == "" || len(private) == 0 {
		return "", false
	}
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
