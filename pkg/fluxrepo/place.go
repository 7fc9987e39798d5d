package fluxrepo

import (
	"bytes"
	"encoding/json"
	"strings"
)

// remoteOf names the cluster that a spec.kubeConfig leads to by what holds the access to it.
func remoteOf(ns string, kubeConfig json.RawMessage) string {
	if len(kubeConfig) == 0 || string(kubeConfig) == "null" {
		return ""
	}
	var in struct {
		SecretRef struct {
			Name string `json:"name"`
		} `json:"secretRef"`
		ConfigMapRef struct {
			Name string `json:"name"`
		} `json:"configMapRef"`
	}
	err := json.Unmarshal(kubeConfig, &in)
	switch {
	case err == nil && in.SecretRef.Name != "":
		return "Secret " + ns + "/" + in.SecretRef.Name
	case err == nil && in.ConfigMapRef.Name != "":
		return "ConfigMap " + ns + "/" + in.ConfigMapRef.Name
	}
	return ns + " " + string(kubeConfig)
}

// lies is the cluster that a Kustomization itself lies in: empty for the one of the root, or else the way
// there.
func (n *node) lies() string {
	if n.parent == nil {
		return ""
	}
	return n.parent.fills()
}

// fills is the cluster that what a Kustomization emits lies in.
func (n *node) fills() string {
	if n.remote == "" {
		return n.lies()
	}
	return n.lies() + "\x00" + n.remote
}

// again tells whether a Kustomization is one that builds it. A namesake in another cluster, or one that
// leads elsewhere, is not.
func (n *node) again(up *node) bool {
	return up.ns == n.ns && up.name == n.name && up.path == n.path && up.remote == n.remote &&
		(n.remote != "" || up.lies() == n.lies())
}

func (n *node) root() *node {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

// match is an object that may be the one that is looked for.
type match struct {
	object *object
	exact  bool // it is in that very namespace
	chain  string
}

// theOne picks the object out of several: one of that very namespace goes before one that names none.
// Others than the first must be the same.
func (g *graph) theOne(found []match) (o *object, missing string) {
	best := found[0]
	for _, m := range found[1:] {
		if m.exact && !best.exact || m.exact == best.exact && m.chain < best.chain {
			best = m
		}
	}
	for _, m := range found {
		if m.exact == best.exact && !g.same(m.object, best.object) {
			return nil, "built in several ways, and which one counts is not known"
		}
	}
	return best.object, ""
}

// same tells whether two objects are the same once variables are put in.
func (g *graph) same(a, b *object) bool {
	if a == b {
		return true
	}
	if !bytes.Equal(a.text, b.text) || a.verbatim != b.verbatim {
		return false
	}
	if !bytes.Contains(a.text, []byte("${")) || a.by == b.by {
		return true
	}
	if a.by.scoping || b.by.scoping {
		return false
	}
	one, err := g.put(a, nil)
	if err != nil {
		return false
	}
	other, err := g.put(b, nil)
	return err == nil && bytes.Equal(one, other)
}

func (n *node) chainKey() string { return strings.Join(n.fromChain(), "\x00") }

// stray tells an object that nothing builds, and so is not there for what a Kustomization builds.
func (g *graph) stray(n *node, o *object) bool {
	return n != nil && o != nil && o.by == nil && g.standsAside(g.files[o.file]) && g.seen(o.file)
}
