package overlay

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// role is what kustomize makes of a path that a kustomization names.
type role int

const (
	resource  role = iota // file or folder with objects
	component             // folder
	input                 // file, or folder, that something is made of or changed by
	data                  // file of a generator
)

// reference is one path in a kustomization.
type reference struct {
	field string
	path  string
	role  role
	node  *yaml.Node // of the path
	list  *yaml.Node // what to take item out of where the path leads nowhere
	item  *yaml.Node
}

func lists() []reference {
	return []reference{
		{field: "resources", role: resource}, {field: "bases", role: resource}, {field: "components", role: component},
		{field: "crds", role: input}, {field: "configurations", role: input}, {field: "generators", role: resource},
		{field: "transformers", role: input}, {field: "validators", role: input}, {field: "patchesStrategicMerge", role: input},
	}
}

// references lists what a kustomization reads.
func references(ks *yaml.Node) []reference {
	var out []reference
	add := func(field string, role role, n, list, item *yaml.Node) {
		if n = yamldoc.Deref(n); n == nil || n.Kind != yaml.ScalarNode || n.Value == "" || isInline(n.Value) {
			return
		}
		p := n.Value
		if role == data {
			if key, after, ok := strings.Cut(p, "="); ok && key != "" {
				p = after
			}
		}
		out = append(out, reference{field: field, path: p, role: role, node: n, list: list, item: item})
	}
	for _, l := range lists() {
		list := yamldoc.Child(ks, l.field)
		for _, item := range yamldoc.Items(list) {
			add(l.field, l.role, item, list, item)
		}
	}
	for _, field := range []string{"patches", "patchesJson6902", "replacements"} {
		list := yamldoc.Child(ks, field)
		for _, item := range yamldoc.Items(list) {
			add(field, input, yamldoc.Child(item, "path"), list, item)
		}
	}
	for _, field := range []string{"configMapGenerator", "secretGenerator"} {
		for _, gen := range yamldoc.Items(yamldoc.Child(ks, field)) {
			files, envs := yamldoc.Child(gen, "files"), yamldoc.Child(gen, "envs")
			for _, item := range yamldoc.Items(files) {
				add(field, data, item, files, item)
			}
			for _, item := range yamldoc.Items(envs) {
				add(field, input, item, envs, item)
			}
			add(field, input, yamldoc.Child(gen, "env"), gen, yamldoc.Child(gen, "env"))
		}
	}
	add("openapi", input, yamldoc.Child(ks, "openapi", "path"), ks, yamldoc.Child(ks, "openapi"))
	return out
}

// drop takes the path out of its kustomization.
func (r reference) drop() {
	i := slices.IndexFunc(r.list.Content, func(n *yaml.Node) bool { return yamldoc.Deref(n) == yamldoc.Deref(r.item) })
	switch {
	case i < 0:
	case r.list.Kind == yaml.MappingNode:
		r.list.Content = slices.Delete(r.list.Content, i-1, i+1)
	default:
		r.list.Content = slices.Delete(r.list.Content, i, i+1)
	}
}

// without is a kustomization without some of its references.
func without(ks *yaml.Node, gone func(reference) bool) *yaml.Node {
	out := clone(ks, map[*yaml.Node]*yaml.Node{})
	for _, r := range references(out) {
		if gone(r) {
			r.drop()
		}
	}
	return out
}

func clone(n *yaml.Node, done map[*yaml.Node]*yaml.Node) *yaml.Node {
	if n == nil {
		return nil
	}
	if have := done[n]; have != nil {
		return have
	}
	out := *n
	done[n] = &out
	out.Content = make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out.Content[i] = clone(c, done)
	}
	out.Alias = clone(n.Alias, done)
	return &out
}

// isInline reports whether a patch stands where a path could.
func isInline(s string) bool {
	return strings.Contains(s, "\n") || strings.Contains(s, ": ") || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")
}

// userAt is what kustomize takes for the user of a host, as in git@example.com:org/repo.
var userAt = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*@`)

// isRemote reports whether kustomize would fetch a path. Without a scheme that is GitHub, or a user of another host.
func isRemote(p string) bool {
	low := strings.TrimPrefix(strings.ToLower(p), "git::")
	return strings.Contains(p, "://") || strings.HasPrefix(low, "github.com/") || strings.HasPrefix(low, "github.com:") ||
		userAt.MatchString(low) && strings.ContainsAny(low, "/:") || strings.HasPrefix(low, "gh:") || strings.Contains(p, "?ref=")
}
