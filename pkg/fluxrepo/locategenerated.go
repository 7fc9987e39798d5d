package fluxrepo

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// generatedSpots are the documents in the files, literals and variables that generators make a key of;
// those of the outermost kustomization, which merges into what its bases generate, come first.
func (g *graph) generatedSpots(o *object, key string) []*spot {
	field := "configMapGenerator"
	if o.kind == "Secret" {
		field = "secretGenerator"
	}
	var out []*spot
	best := 0 // the length of the name: a prefix and a hash may have been added to it
	look := func(file string) {
		for _, s := range g.spots(file) {
			for _, gen := range items(child(s.node, field)) {
				name := text(gen, "name")
				if !strings.Contains(o.name, name) || len(name) < best {
					continue
				}
				if len(name) > best {
					best, out = len(name), nil
				}
				out = append(out, g.madeOf(s, gen, path.Dir(file), key)...)
			}
		}
	}
	if o.by == nil {
		look(o.generator)
		return out
	}
	for _, t := range o.by.trees {
		t.walk(func(t *tree) bool {
			if t.file != nil {
				look(t.file.path)
			}
			return true
		})
	}
	return out
}

// madeOf are the documents that one generator makes a key of. Of several, kustomize refuses all.
func (g *graph) madeOf(s *spot, gen *yaml.Node, dir, key string) (out []*spot) {
	for _, item := range items(child(gen, "files")) {
		item = deref(item)
		k, file, ok := strings.Cut(item.Value, "=")
		if !ok {
			k, file = path.Base(item.Value), item.Value
		}
		if p, ok := resolve(dir, file); ok && k == key {
			out = append(out, g.spots(p)...)
		}
	}
	for _, item := range items(child(gen, "literals")) {
		item = deref(item)
		if k, value, ok := strings.Cut(item.Value, "="); ok && k == key {
			out = append(out, s.innerAfter(item, unquoted(value))...)
		}
	}
	envs := append([]*yaml.Node{child(gen, "env")}, items(child(gen, "envs"))...)
	for _, item := range envs {
		if item = deref(item); item == nil {
			continue
		}
		if p, ok := resolve(dir, item.Value); ok {
			out = append(out, g.envSpots(p, key)...)
		}
	}
	return out
}

// envSpots are the documents in a line KEY=VALUE of a file.
func (g *graph) envSpots(rel, key string) (out []*spot) {
	f := g.files[rel]
	if f == nil {
		return nil
	}
	data, err := g.content(f)
	if err != nil {
		return nil
	}
	for i, line := range splitLines(string(data)) {
		k, value, ok := strings.Cut(line, "=")
		if !ok || strings.TrimLeft(k, " \t\ufeff") != key {
			continue
		}
		docs, _ := decodeDocuments([]byte(value)) // those before the mistake count
		for _, d := range docs {
			before := len([]rune(k)) + 1
			out = append(out, &spot{file: rel, node: d, lines: []string{value}, back: func(p spotPos) (spotPos, bool) {
				return spotPos{i + 1, p.column + before}, true
			}})
		}
	}
	return out
}

// unquoted takes off the quotes around a literal, as kustomize does.
func unquoted(s string) string {
	if n := len(s); n > 1 && s[0] == s[n-1] && (s[0] == '"' || s[0] == '\'') {
		return s[1 : n-1]
	}
	return s
}
