package fluxrepo

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// role is what kustomize makes of a path that a kustomization names.
type role int

const (
	roleResource  role = iota // file or folder with objects
	roleComponent             // folder
	roleInput                 // file, or folder, that something is made of or changed by
	roleData                  // file of a generator
)

// pathRef is one path in a kustomization.
type pathRef struct {
	field string
	path  string
	role  role
	node  *yaml.Node // of the path
	list  *yaml.Node // what to take item out of where the path leads nowhere
	item  *yaml.Node
}

var pathLists = []struct {
	field string
	role  role
}{
	{"resources", roleResource}, {"bases", roleResource}, {"components", roleComponent},
	{"crds", roleInput}, {"configurations", roleInput}, {"generators", roleResource}, {"transformers", roleInput},
	{"validators", roleInput}, {"patchesStrategicMerge", roleInput},
}

// pathRefs lists what a kustomization reads.
func pathRefs(ks *yaml.Node) []pathRef {
	var out []pathRef
	add := func(field string, role role, n, list, item *yaml.Node) {
		if n = deref(n); n == nil || n.Kind != yaml.ScalarNode || n.Value == "" || isInline(n.Value) {
			return
		}
		p := n.Value
		if role == roleData {
			if key, after, ok := strings.Cut(p, "="); ok && key != "" {
				p = after
			}
		}
		out = append(out, pathRef{field: field, path: p, role: role, node: n, list: list, item: item})
	}
	for _, l := range pathLists {
		list := child(ks, l.field)
		for _, item := range items(list) {
			add(l.field, l.role, item, list, item)
		}
	}
	for _, field := range []string{"patches", "patchesJson6902", "replacements"} {
		list := child(ks, field)
		for _, item := range items(list) {
			add(field, roleInput, child(item, "path"), list, item)
		}
	}
	for _, field := range []string{"configMapGenerator", "secretGenerator"} {
		for _, gen := range items(child(ks, field)) {
			for _, key := range []string{"files", "envs"} {
				list := child(gen, key)
				for _, item := range items(list) {
					role := roleData
					if key == "envs" {
						role = roleInput
					}
					add(field, role, item, list, item)
				}
			}
			add(field, roleInput, child(gen, "env"), gen, child(gen, "env"))
		}
	}
	add("openapi", roleInput, child(child(ks, "openapi"), "path"), ks, child(ks, "openapi"))
	return out
}

// drop takes the path out of its kustomization.
func (p pathRef) drop() {
	i := slices.IndexFunc(p.list.Content, func(n *yaml.Node) bool { return deref(n) == deref(p.item) })
	switch {
	case i < 0:
	case p.list.Kind == yaml.MappingNode:
		p.list.Content = slices.Delete(p.list.Content, i-1, i+1)
	default:
		p.list.Content = slices.Delete(p.list.Content, i, i+1)
	}
}

// items are the elements of a list.
func items(n *yaml.Node) []*yaml.Node {
	if n = deref(n); n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// isInline tells a patch that stands where a path could.
func isInline(s string) bool {
	return strings.Contains(s, "\n") || strings.Contains(s, ": ") || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")
}

// userAt is what kustomize takes for the user of a host, as in git@example.com:org/repo.
var userAt = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*@`)

// isRemote tells what kustomize would fetch. Without a scheme that is GitHub, or a user of another host.
func isRemote(p string) bool {
	low := strings.TrimPrefix(strings.ToLower(p), "git::")
	return strings.Contains(p, "://") || strings.HasPrefix(low, "github.com/") || strings.HasPrefix(low, "github.com:") ||
		userAt.MatchString(low) && strings.ContainsAny(low, "/:") || strings.HasPrefix(low, "gh:") || strings.Contains(p, "?ref=")
}

// resolve is a path of the repository, or false where it leads out of it.
func resolve(dir, p string) (string, bool) {
	if path.IsAbs(p) {
		return "", false
	}
	p = path.Join(dir, p)
	return p, p != ".." && !strings.HasPrefix(p, "../")
}
