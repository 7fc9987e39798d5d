package overlay

import (
	"path"
	"regexp"
	"slices"
	"strings"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
)

// naming are the fields of a kustomization that name what it reads.
func naming() []string {
	return []string{
		"resources", "components", "crds", "configurations", "generators", "transformers", "validators", "patches", "patchesJson6902",
		"replacements", "configMapGenerator", "secretGenerator", "openapi",
	}
}

// existing is the value of such a field without the paths that are not to be kept, and without what they make of no use.
func existing(v any, keep func(p string) bool) any {
	switch v := v.(type) {
	case string:
		if v != "" && !isInline(v) && !keep(v) {
			return nil
		}
	case []any:
		return slices.DeleteFunc(v, func(item any) bool { return existing(item, keep) == nil })
	case map[string]any:
		for _, key := range []string{"files", "envs"} {
			if list, ok := v[key]; ok {
				v[key] = existing(list, keep)
			}
		}
		if p, ok := v["path"]; ok && existing(p, keep) == nil {
			return nil
		}
	}
	return v
}

// isInline reports whether a patch stands where a path could.
func isInline(s string) bool {
	return strings.Contains(s, "\n") || strings.Contains(s, ": ") || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")
}

// fetched matches what kustomize would fetch beside what Flux knows: by any scheme, at a ref, and with the user of a host,
// as in git@example.com:org/repo.
var fetched = regexp.MustCompile(`://|\?ref=|^[A-Za-z][A-Za-z0-9-]*@.*[/:]`)

// isRemote reports whether kustomize would fetch a path.
func isRemote(p string) bool {
	return fetched.MatchString(p) || !path.IsAbs(p) && !fluxkustomize.IsLocalRelativePath(p)
}
