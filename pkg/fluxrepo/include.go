package fluxrepo

import (
	"cmp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// include is a folder of a source's artifact that holds what is in another source.
type include struct {
	name, to string
	node     *yaml.Node
}

// includesOf reads spec.include of a GitRepository.
func (g *graph) includesOf(git *yaml.Node) (out []include) {
	for _, item := range items(child(child(git, "spec"), "include")) {
		name := text(item, "repository", "name")
		to, _ := g.folderOf(cmp.Or(text(item, "toPath"), name))
		out = append(out, include{name, to, item})
	}
	return out
}

// included tells whether a path that is not in the repository may be in the artifact of a source that includes others.
func (g *graph) included(p string) bool {
	return slices.ContainsFunc(g.gitSources(), func(s gitSource) bool {
		return slices.ContainsFunc(s.includes, func(in include) bool { return within(p, in.to) })
	})
}

// taken are the includes of a Kustomization's source that it takes without naming them, as Flux lists all that is in a
// folder without a kustomization.yaml.
func (g *graph) taken(k *rawKustomization) (by gitSource, out []include) {
	by, ok := g.gitOf(text(k.node, "spec", "sourceRef", "kind"), k.sourceNamespace(), text(k.node, "spec", "sourceRef", "name"), k.file.path)
	if !ok || k.tree == nil {
		return by, nil
	}
	for _, in := range by.includes {
		k.tree.walk(func(t *tree) bool {
			listed := func(s *tree) bool { return within(in.to, s.dir) }
			takes := t.file == nil && (within(in.to, t.dir) || within(t.dir, in.to)) && !slices.ContainsFunc(t.subs, listed)
			if takes {
				out = append(out, in)
			}
			return !takes
		})
	}
	return by, out
}

// takesIncludes tells whether any Kustomization may build what is in another repository beside what is in this one.
func (g *graph) takesIncludes() bool {
	return slices.ContainsFunc(g.raw, func(k *rawKustomization) bool {
		_, in := g.taken(k)
		return len(in) > 0 && !g.hidden(k.file.path)
	})
}

// tellIncludes tells of what a Kustomization takes out of another repository.
func (g *graph) tellIncludes(k *rawKustomization) {
	by, includes := g.taken(k)
	for _, in := range includes {
		g.report(Error{
			Place:      Place{File: g.show(by.file), Line: in.node.Line, Column: in.node.Column},
			Message:    "GitRepository " + by.name + ": spec.include: " + in.name + " is not in this repository, so what it holds is not checked",
			Unfollowed: true,
		})
	}
}
