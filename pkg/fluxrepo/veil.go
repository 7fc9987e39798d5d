package fluxrepo

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// veilKeys stand in a line, or in the one before, of whatever may keep the chart of a release, or its name, from being
// known: a variable or an encrypted value.
var veilKeys = [][]byte{[]byte("chart"), []byte("url"), []byte("name"), []byte("Name"), []byte("kind")}

// mayVeil tells whether it is worth to decode a text for veiled.
func mayVeil(data []byte, m mark) bool {
	if !hides(data) || m&markSource == 0 && !bytes.Contains(data, []byte("chart")) {
		return false
	}
	if m&markAnchor != 0 || bytes.Contains(data, []byte("/spec/")) {
		return true
	}
	var before []byte
	for line := range bytes.Lines(data) {
		if hides(line) && (hasAny(line, veilKeys) || hasAny(before, veilKeys)) {
			return true
		}
		if len(bytes.TrimSpace(line)) > 0 {
			before = line
		}
	}
	return false
}

// mark marks a file by what it holds. One that says of a release no more than that it may be Spegel's counts as one that
// names it.
func (r *repo) mark(f *file, data []byte) {
	f.marks = r.marks(data)
	if f.marks&markWord != 0 || !mayVeil(data, f.marks) {
		return
	}
	docs, err := decodeDocuments(data)
	if err != nil || slices.ContainsFunc(docs, veiled) {
		f.marks |= markWord
	}
}

// veiled tells whether anything in a document, or in a patch that stands in it, keeps the chart of a release from being
// known.
func veiled(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		if !strings.Contains(n.Value, "\n") || !hides([]byte(n.Value)) {
			return false
		}
		docs, _ := decodeDocuments([]byte(n.Value)) // what is no YAML is no patch
		return slices.ContainsFunc(docs, veiled)
	}
	return veilsChart(n) || veilsSource(n) || veilsName(n) || veilsByPatch(n) || slices.ContainsFunc(n.Content, veiled)
}

// hides tells whether a text can't be known by itself.
func hides(text []byte) bool {
	return bytes.Contains(text, []byte("${")) || bytes.Contains(text, []byte("ENC["))
}

// hiddenAt tells whether the scalar at a path of keys can't be known.
func hiddenAt(n *yaml.Node, keys ...string) bool { return hides([]byte(text(n, keys...))) }

// veilsChart tells whether the spec of a HelmRelease, or of a HelmChart, does not say which chart it is.
func veilsChart(spec *yaml.Node) bool {
	return hiddenAt(spec, "chart") || hiddenAt(spec, "chart", "spec") || hiddenAt(spec, "chartRef") ||
		hiddenAt(spec, "chartRef", "name") || hiddenAt(spec, "chartRef", "kind")
}

// veilsSource tells whether a source does not say which chart it holds.
func veilsSource(o *yaml.Node) bool {
	if !isSource(o) {
		return false
	}
	url := text(o, "spec", "url")
	return Encrypted(url) || strings.ContainsAny(path.Base(url), "$}") || hiddenAt(o, "spec", "chart")
}

// veilsName tells whether a HelmRelease, of which its name may have to decide, does not say it.
func veilsName(o *yaml.Node) bool {
	return text(o, "kind") == "HelmRelease" && child(child(o, "spec"), "chartRef") != nil &&
		(hiddenAt(o, "metadata", "name") || hiddenAt(o, "spec", "releaseName"))
}

// veilsByPatch tells whether an operation of a patch gives a release a chart, or a source one, that can't be known.
func veilsByPatch(operation *yaml.Node) bool {
	pointer := text(operation, "path")
	return (strings.HasPrefix(pointer, "/spec/chart") || pointer == "/spec/url") && hiddenAt(operation, "value")
}

// completes tells whether a kustomization puts something around names that may make one of Spegel's of them.
func (r *repo) completes(prefix, suffix string) bool {
	return slices.ContainsFunc([]string{prefix, suffix}, func(part string) bool {
		return part != "" && (hides([]byte(part)) || slices.ContainsFunc(r.words, func(word []byte) bool { return bytes.Contains(word, []byte(part)) }))
	})
}
