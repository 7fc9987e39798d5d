package fluxrepo

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// disguise is what keeps a source from being known by what its own file says.
type disguise struct {
	renames   bool // something may give it another name
	variable  bool // its chart is a variable
	redirects bool // something may give it another chart
}

// disguised tells whether a source or values of Spegel's may bear a name, or a source lead to a chart, that stands
// in no file of theirs. Then what refers to them can't be told from what does not.
func (g *graph) disguised() bool {
	var d disguise
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if f.marks&markDisguise == 0 {
			continue
		}
		docs, _ := g.decoded(f) // reported where the file is needed
		for _, doc := range docs {
			d.look(doc, f.marks&markWord != 0)
		}
		for _, o := range objectsOf(docs) {
			d.variable = d.variable || isSource(o) && strings.Contains(text(o, "spec", "url")+text(o, "spec", "chart"), "$")
		}
	}
	return d.redirects || d.renames && g.leading || d.variable && slices.ContainsFunc(g.raw, g.substitutesWord)
}

// redirection matches a JSON pointer to what a source leads to.
var redirection = regexp.MustCompile(`/spec/(url|chart)(["'\s,}]|$)`)

// look finds patches and replacements. An alias stands for what is looked at elsewhere.
func (d *disguise) look(n *yaml.Node, word bool) {
	if n.Kind == yaml.ScalarNode {
		d.renames = d.renames || strings.Contains(n.Value, "/metadata/name")
		if redirection.MatchString(n.Value) {
			d.redirects = d.redirects || word
			d.variable = true
		}
		return
	}
	for _, key := range []string{"target", "select"} {
		if sparesSources(child(n, key)) {
			return
		}
	}
	for _, item := range items(child(n, "fieldPaths")) {
		d.renames = d.renames || strings.HasPrefix(deref(item).Value, "metadata.name")
		d.redirects = d.redirects || strings.HasPrefix(deref(item).Value, "spec.url") || deref(item).Value == "spec.chart"
	}
	for _, c := range n.Content {
		d.look(c, word)
	}
}

// sparesSources tells whether a target can be neither a source nor hold values.
func sparesSources(target *yaml.Node) bool {
	kind := text(target, "kind")
	return literal.MatchString(kind) && !slices.Contains([]string{"OCIRepository", "HelmChart", "ConfigMap", "Secret"}, kind)
}

func isSource(o *yaml.Node) bool {
	kind := text(o, "kind")
	return kind == "OCIRepository" || kind == "HelmChart"
}

// substitutesWord tells whether a Kustomization has a variable that could be Spegel's chart.
func (g *graph) substitutesWord(k *rawKustomization) bool {
	substitute := deref(child(child(child(k.node, "spec"), "postBuild"), "substitute"))
	return substitute != nil && slices.ContainsFunc(substitute.Content, func(n *yaml.Node) bool { return g.hasWord([]byte(deref(n).Value)) })
}

// inBase64 are the texts of which one stands in the base64 of anything that holds a word: what comes before
// it may end at each of the three places in a group.
func inBase64(word string) [][]byte {
	var out [][]byte
	for before := range 3 {
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + word + "\x00\x00"))
		first, end := (8*before+5)/6, 8*(before+len(word))/6
		out = append(out, []byte(coded[first:end]))
	}
	return out
}
