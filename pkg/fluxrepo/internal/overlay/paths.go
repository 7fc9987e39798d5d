package overlay

import (
	"path"
	"regexp"
	"slices"
	"strings"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	kustypes "sigs.k8s.io/kustomize/api/types"
)

// paths visits what a kustomization reads, and takes out what is not to be kept.
//
//nolint:staticcheck // repositories have the old fields, too
func paths(ks *kustypes.Kustomization, keep func(field, p string) bool) {
	gone := func(field, p string) bool { return p != "" && !isInline(p) && !keep(field, p) }
	for _, list := range []struct {
		field string
		paths *[]string
	}{
		{"resources", &ks.Resources}, {"components", &ks.Components}, {"crds", &ks.Crds}, {"configurations", &ks.Configurations},
		{"generators", &ks.Generators}, {"transformers", &ks.Transformers}, {"validators", &ks.Validators},
	} {
		*list.paths = slices.DeleteFunc(*list.paths, func(p string) bool { return gone(list.field, p) })
	}
	for _, patches := range []*[]kustypes.Patch{&ks.Patches, &ks.PatchesJson6902} {
		*patches = slices.DeleteFunc(*patches, func(p kustypes.Patch) bool { return gone("patches", p.Path) })
	}
	ks.PatchesStrategicMerge = slices.DeleteFunc(ks.PatchesStrategicMerge, func(p kustypes.PatchStrategicMerge) bool { return gone("patches", string(p)) })
	ks.Replacements = slices.DeleteFunc(ks.Replacements, func(r kustypes.ReplacementField) bool { return gone("replacements", r.Path) })
	generator := func(field string, from *kustypes.KvPairSources) {
		from.FileSources = slices.DeleteFunc(from.FileSources, func(p string) bool {
			if key, after, ok := strings.Cut(p, "="); ok && key != "" {
				p = after
			}
			return gone(field, p)
		})
		from.EnvSources = slices.DeleteFunc(from.EnvSources, func(p string) bool { return gone(field, p) })
	}
	for i := range ks.ConfigMapGenerator {
		generator("configMapGenerator", &ks.ConfigMapGenerator[i].KvPairSources)
	}
	for i := range ks.SecretGenerator {
		generator("secretGenerator", &ks.SecretGenerator[i].KvPairSources)
	}
	if gone("openapi", ks.OpenAPI["path"]) {
		ks.OpenAPI = nil
	}
}

// Patches are those of the kustomization. Some stand in files, and these are inputs.
//
//nolint:staticcheck // repositories have the old fields, too
func (f *Folder) Patches() []kustypes.Patch { return append(f.strategic(), f.ks.PatchesJson6902...) }

// strategic are the patches without the old ones that are JSON, which kustomize applies later.
//
//nolint:staticcheck // repositories have the old fields, too
func (f *Folder) strategic() (out []kustypes.Patch) {
	for _, p := range f.ks.PatchesStrategicMerge {
		if isInline(string(p)) {
			out = append(out, kustypes.Patch{Patch: string(p)})
		} else {
			out = append(out, kustypes.Patch{Path: string(p)})
		}
	}
	return append(out, f.ks.Patches...)
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
