package fluxrepo

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

const (
	encrypted = "encrypted with SOPS"
	absent    = "not in this repository"
)

// datum is a value of a ConfigMap or Secret.
type datum struct {
	text      string
	encrypted bool
}

// data is what a ConfigMap or Secret holds.
func (g *graph) data(o *object, world world, used func(*scope, string)) (map[string]datum, error) {
	text, err := g.put(o, world, used)
	if err != nil {
		return nil, err
	}
	var in struct {
		Data       map[string]any `json:"data"`
		StringData map[string]any `json:"stringData"`
	}
	if err := sigsyaml.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	out := map[string]datum{}
	add := func(key string, value any, coded bool) {
		text, _ := value.(string)
		if coded && !isEncrypted(text) {
			if raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")); err == nil {
				text = string(raw)
			}
		}
		out[key] = datum{text: text, encrypted: isEncrypted(text)}
	}
	for key, value := range in.Data {
		add(key, value, o.kind == "Secret")
	}
	for key, value := range in.StringData {
		add(key, value, false)
	}
	return out, nil
}

// isEncrypted tells a value, or a file in a value, that SOPS has encrypted.
func isEncrypted(s string) bool {
	return strings.Contains(s, "ENC[AES256_GCM,") || strings.HasPrefix(s, "ENC[")
}

// find looks for an object where the cluster of a Kustomization would have it: in what the chain emits,
// then in what other Kustomizations of the cluster emit, then in files that nothing builds.
func (g *graph) find(n *node, kind, ns, name, near string) (*object, string) {
	if n == nil {
		return g.findRaw(nil, kind, ns, name, near)
	}
	for up := n; up != nil; up = up.parent {
		if o := up.emits(kind, ns, name); o != nil {
			return o, ""
		}
	}
	for i := 0; i < len(n.cluster.nodes); i++ { // it may grow
		other := n.cluster.nodes[i]
		if other.problem == "" && !other.expanded && g.mayEmit(other, kind, name) {
			g.build(other)
			for _, o := range other.built.objects {
				if o.kind == "Kustomization" && strings.HasPrefix(o.apiVersion, fluxGroup+"/") {
					g.adopt(other, o)
				}
			}
		}
	}
	var found []*object
	var from []string
	for _, other := range n.cluster.nodes {
		if o := other.emits(kind, ns, name); o != nil {
			found, from = append(found, o), append(from, strings.Join(other.fromChain(), "\x00"))
		}
	}
	if len(found) > 0 {
		return found[slices.Index(from, slices.Min(from))], ""
	}
	return g.findRaw(n.cluster, kind, ns, name, near)
}

func (n *node) fromChain() []string {
	var out []string
	for _, up := range n.chain() {
		out = append(out, up.from)
	}
	return out
}

// emits looks for an object in what was built.
func (n *node) emits(kind, ns, name string) *object {
	if n.built == nil {
		return nil
	}
	for _, o := range n.built.objects {
		if o.kind != kind {
			continue
		}
		oName, oNS := o.name, o.ns
		if strings.Contains(oName+oNS, "${") && !n.scoping {
			if text, err := n.graph.put(o, nil, nil); err == nil {
				oNS, oName = identity(text)
			}
		}
		if oName == name && (oNS == ns || oNS == "" || ns == "") {
			return o
		}
	}
	return nil
}

func identity(doc []byte) (ns, name string) {
	var in struct {
		Metadata struct{ Name, Namespace string } `json:"metadata"`
	}
	if err := sigsyaml.Unmarshal(doc, &in); err != nil {
		return "", ""
	}
	return in.Metadata.Namespace, in.Metadata.Name
}

// findRaw looks in the files themselves, nearest to a folder first.
func (g *graph) findRaw(n *cluster, kind, ns, name, near string) (*object, string) {
	var found []*object
	for _, p := range g.sortedFiles() {
		f := g.files[p]
		if f.marks&kindMarks[kind] == 0 || !f.mayName(name) || g.hidden(p) || !isManifest(p) || !g.standsFor(n, f) {
			continue
		}
		docs, _ := g.decoded(f) //nolint:errcheck // what can't be read holds nothing
		for _, d := range docs {
			if text(d, "kind") != kind || text(d, "metadata", "name") != name {
				continue
			}
			if have := text(d, "metadata", "namespace"); have == ns || have == "" || ns == "" {
				found = append(found, newRawObject(d, p))
			}
		}
	}
	if len(found) == 0 {
		return nil, absent
	}
	slices.SortStableFunc(found, func(a, b *object) int {
		return cmp.Compare(shared(b.file, near), shared(a.file, near))
	})
	if len(found) > 1 && shared(found[0].file, near) == shared(found[1].file, near) && !bytes.Equal(found[0].text, found[1].text) {
		return nil, "found in several places"
	}
	return found[0], ""
}

func newRawObject(d *yaml.Node, file string) *object {
	out, err := yaml.Marshal(d)
	if err != nil {
		out = nil // can't be: it was decoded
	}
	o := &object{
		apiVersion: text(d, "apiVersion"), kind: text(d, "kind"),
		ns: text(d, "metadata", "namespace"), name: text(d, "metadata", "name"), text: out, file: file,
	}
	const key = fluxGroup + "/substitute"
	o.verbatim = text(d, "metadata", "labels", key) == "disabled" || text(d, "metadata", "annotations", key) == "disabled"
	return o
}

// shared is how many folders two paths have in common.
func shared(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}
