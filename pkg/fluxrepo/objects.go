package fluxrepo

import (
	"encoding/base64"
	"strings"

	sigsyaml "sigs.k8s.io/yaml"
)

const (
	encrypted = "encrypted with SOPS"
	notBase64 = "not base64"
	absent    = "not in this repository"
	unbuilt   = "nothing builds it"
)

// noValue is the reason where a variable is left in a text.
func noValue(name string) string { return "${" + name + "} has no value" }

// datum is a value of a ConfigMap or Secret.
type datum struct {
	text   string
	unread string // why the value is not known; empty if it is, or as far as it has no variable in it
}

// data is what a ConfigMap or Secret holds.
func (g *graph) data(o *object, used func(*scope, string)) (map[string]datum, error) {
	text, err := g.put(o, used)
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
		d := datum{text: text}
		if coded && !Encrypted(text) {
			raw, err := fromBase64(text)
			switch names := namesIn(text); {
			case err == nil:
				d.text = string(raw)
			case len(names) > 0:
				d.unread = noValue(names[0])
			default:
				d.unread = notBase64
			}
		}
		if Encrypted(d.text) {
			d.unread = encrypted
		}
		out[key] = d
	}
	for key, value := range in.Data {
		add(key, value, o.kind == "Secret")
	}
	for key, value := range in.StringData {
		add(key, value, false)
	}
	return out, nil
}

// fromBase64 decodes a value of a Secret, which may be folded into lines. With an error comes what is before the mistake.
func fromBase64(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
}

// Encrypted tells a text with a value, or a comment, that SOPS has encrypted.
func Encrypted(text string) bool { return strings.Contains(text, "ENC[AES256_GCM,") }

// find looks for an object beside what a Kustomization emits; see findIn.
func (g *graph) find(n *node, kind, ns, name, near string) (o *object, missing string) {
	if n == nil {
		return g.findRaw(nil, kind, ns, name, near)
	}
	return g.findIn(n, n.fills(), kind, ns, name, near)
}

// findIn looks for an object where a cluster that a Kustomization knows would have it: in what the chain
// emits, then in what other Kustomizations of its root emit, then in what those of other roots do, then in
// files that nothing builds. Roots in one folder are mostly of one cluster, but may be of several.
func (g *graph) findIn(n *node, cluster, kind, ns, name, near string) (o *object, missing string) {
	for up := n; up != nil; up = up.parent {
		if o, _ := up.emits(kind, ns, name); o != nil && up.fills() == cluster {
			return o, ""
		}
	}
	g.buildEmitters(n.cluster, kind, name)
	var own, others []match
	elsewhere := false
	for _, other := range n.cluster.nodes {
		o, exact := other.emits(kind, ns, name)
		switch m := (match{o, exact, other.chainKey()}); {
		case o == nil:
		case other.fills() != cluster:
			elsewhere = true
		case other.root() == n.root():
			own = append(own, m)
		default:
			others = append(others, m)
		}
	}
	switch {
	case len(own) > 0:
		return g.theOne(own)
	case len(others) > 0:
		return g.theOne(others)
	case elsewhere:
		return nil, "only in another cluster, which spec.kubeConfig leads to or from"
	}
	return g.findRaw(n.cluster, kind, ns, name, near)
}

// buildEmitters builds the Kustomizations of a cluster that could emit an object.
func (g *graph) buildEmitters(c *cluster, kind, name string) {
	for seen := 0; seen < len(c.nodes); { // it may grow
		other := c.nodes[seen]
		seen++
		if other.problem == "" && !other.expanded && g.mayEmit(other, kind, name) {
			g.build(other)
			for _, o := range other.built.objects {
				if o.kind == "Kustomization" && strings.HasPrefix(o.apiVersion, fluxGroup+"/") {
					g.adopt(other, o)
				}
			}
		}
	}
}

func (n *node) fromChain() []string {
	var out []string
	for _, up := range n.chain() {
		out = append(out, up.from)
	}
	return out
}

// emits looks for an object in what was built: the one of that namespace, or else one that names none.
func (n *node) emits(kind, ns, name string) (o *object, exact bool) {
	if n.built == nil {
		return nil, false
	}
	var loose *object
	for _, o := range n.built.objects {
		if o.kind != kind {
			continue
		}
		oName, oNS := o.name, o.ns
		if strings.Contains(oName+oNS, "${") && !n.scoping {
			if text, err := n.graph.put(o, nil); err == nil {
				oNS, oName = identity(text)
			}
		}
		switch {
		case oName != name:
		case oNS == ns:
			return o, true
		case loose == nil && (oNS == "" || ns == ""):
			loose = o
		}
	}
	return loose, false
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
