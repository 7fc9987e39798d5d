package fluxrepo

import (
	"bytes"
	"slices"
)

// askedNames are the names of sources, ConfigMaps and Secrets that a release of Spegel's, or the variables of a
// Kustomization, could ask for. It may say more than is true. One with a variable in it ends there, with a dollar sign.
func (g *graph) askedNames() []string {
	if g.asked != nil {
		return g.asked
	}
	names := map[string]bool{}
	for _, f := range g.files {
		releases, variables := f.marks&markRelease != 0 && f.marks&markWord != 0, f.marks&markVariables != 0
		if !releases && !variables {
			continue
		}
		data, err := g.content(f)
		switch {
		case err != nil: // reported where the file is needed
		case releases:
			addNames(names, data)
		default: // the list, and what stands after it
			_, after, _ := bytes.Cut(data, []byte("substituteFrom"))
			addNames(names, after)
		}
	}
	g.asked = []string{}
	for name := range names {
		g.asked = append(g.asked, name)
	}
	slices.Sort(g.asked)
	return g.asked
}

// mayBeAsked tells whether a Kustomization could emit a source, ConfigMap or Secret that is asked for. It need not
// be built for that, but it has to be known.
func (g *graph) mayBeAsked(k *rawKustomization) bool {
	renames := text(k.node, "spec", "namePrefix")+text(k.node, "spec", "nameSuffix") != ""
	for _, t := range g.treesOf(k.tree, k.node) {
		t.walk(func(t *tree) bool {
			renames = renames || child(t.node, "namePrefix") != nil || child(t.node, "nameSuffix") != nil
			return true
		})
	}
	return slices.ContainsFunc(g.treesOf(k.tree, k.node), func(t *tree) bool {
		may := false
		t.all(func(f *file) bool {
			may = f.marks&(markConfigMap|markSecret|markSource) != 0 && (renames || slices.ContainsFunc(g.askedNames(), func(name string) bool {
				return name != "" && (name[len(name)-1] == '$' || f.mayName(name))
			}))
			return !may
		})
		return may
	})
}
