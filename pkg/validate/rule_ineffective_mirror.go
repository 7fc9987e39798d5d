package validate

import (
	"strings"
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
	check: func(v *values, _ Policy) ([]problem, []int) {
		noHosts := v.writesNoHosts()
		return v.list.problems(func(e entry) (p problem, found bool) {
			s, _ := e.raw.(string)
			scheme, host, _ := strings.Cut(strings.ToLower(s), "://")
			host, _ = splitPort(host)
			p.fix = "write https://docker.io"
			switch {
			case host == "index.docker.io":
				p.message = "has no effect, because containerd looks for docker.io instead"
			case host == "registry-1.docker.io":
				p.message = "has no effect on images of docker.io, only on those that are named registry-1.docker.io"
			case scheme == "http" && isPublic(host) && !noHosts:
				p.message, p.fix = "leads back to the registry over plain http, but it speaks only https", "write https instead of http"
			}
			return p, p.message != "" && entryProblem(e.raw) == ""
		})
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
