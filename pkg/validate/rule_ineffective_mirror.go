package validate

import (
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
)

// ineffectiveMirror exists because Spegel accepts entries that do not do what they seem to. It reads the entries of
// spegel.mirroredRegistries. It cannot know such registries other than the well-known ones.
var ineffectiveMirror = Rule{
	ID:      "ineffective-mirror",
	Title:   "an entry of spegel.mirroredRegistries does not do what it seems to",
	Default: Warn,
	Effect:  ValueIgnored,
	Why: "The scheme of an entry is used on the way back to the registry, for images that no peer has: with `http://` that " +
		"way fails if the registry speaks only https. The host of an entry is what containerd looks for. It reads " +
		"`index.docker.io` in the name of an image as `docker.io`, so it never looks for the former, and it looks for " +
		"`registry-1.docker.io` only for images that are named so.",
	Reads:  "the entries of `spegel.mirroredRegistries`, and `spegel.containerdMirrorAdd`",
	Limits: "It knows Docker Hub, GHCR, GCR, Quay, registry.k8s.io, MCR and ECR's public registry.",
	Fix:    "Write `https://` before a public registry, and `docker.io` for Docker Hub.",
	Bad: `spegel:
  mirroredRegistries:
    - https://index.docker.io
    - http://ghcr.io
`,
	Good: `spegel:
  mirroredRegistries:
    - https://docker.io
    - https://ghcr.io
`,
	check: func(v *values, _ Policy) (out []problem, undecided []int) {
		noHosts := v.writesNoHosts()
		for e := range v.list.entries {
			if len(out) == maxFindings {
				break
			}
			if u, ok := e.raw.(certainty.Unknown); ok {
				undecided = certainty.Union(undecided, u.Reasons)
			}
			s, _ := e.raw.(string)
			scheme, host, ok := strings.Cut(strings.ToLower(s), "://")
			host, _ = splitPort(host)
			message, fix := "", "write https://docker.io"
			switch {
			case !ok:
			case host == "index.docker.io":
				message = "has no effect, as containerd looks for docker.io instead"
			case host == "registry-1.docker.io":
				message = "has no effect on images of docker.io, only on those that are named registry-1.docker.io"
			case scheme == "http" && isPublic(host) && !noHosts:
				message, fix = "leads back to the registry by plain http, and it speaks only https", "write https instead of http"
			}
			if message != "" && entryProblem(e.raw) == "" {
				out = append(out, problem{path: e.path(), value: e.quoted(), message: message, fix: fix})
			}
		}
		return out, undecided
	},
}

// isPublic reports whether a host is that of a public registry that speaks only https.
func isPublic(host string) bool {
	switch host {
	case "docker.io", "ghcr.io", "gcr.io", "quay.io", "registry.k8s.io", "mcr.microsoft.com", "public.ecr.aws":
		return true
	}
	return strings.HasSuffix(host, ".gcr.io")
}
