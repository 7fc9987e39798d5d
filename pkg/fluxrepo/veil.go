package fluxrepo

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// aVeil matches what may keep the chart of a release, or its name, from being known by the text: a variable or an
// encrypted value. A value that begins in the next line counts.
var aVeil = regexp.MustCompile(`(chart|url|[nN]ame|kind)["']?\s*:\s*([>|*]|[^\n]*(\$\{|ENC\[))|/spec/(chart|url)`)

// mayVeil tells whether it is worth to decode a text for veiled.
func mayVeil(data []byte, m mark) bool {
	return (bytes.Contains(data, []byte("${")) || bytes.Contains(data, []byte("ENC["))) &&
		(m&markSource != 0 || bytes.Contains(data, []byte("chart"))) && aVeil.Match(data)
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

// veiled tells whether anything in a document keeps the chart of a release from being known. A patch in it is looked at as
// a text.
func veiled(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.ScalarNode:
		return strings.Contains(n.Value, "\n") && hides(n.Value) && strings.Contains(n.Value, "chart") && aVeil.MatchString(n.Value)
	case yaml.MappingNode:
		if veilsChart(n) || veilsSource(n) || veilsName(n) {
			return true
		}
		pointer := text(n, "path")
		if (strings.HasPrefix(pointer, "/spec/chart") || pointer == "/spec/url") && hides(text(n, "value")) {
			return true
		}
	}
	return slices.ContainsFunc(n.Content, veiled)
}

// hides tells whether a text can't be known by itself.
func hides(text string) bool { return strings.Contains(text, "${") || Encrypted(text) }

// veilsChart tells whether the spec of a HelmRelease, or of a HelmChart, does not say which chart it is.
func veilsChart(spec *yaml.Node) bool {
	return hides(text(spec, "chart")) || hides(text(spec, "chartRef")) || hides(text(spec, "chartRef", "name")) || hides(text(spec, "chartRef", "kind"))
}

// veilsSource tells whether a source does not say which chart it holds.
func veilsSource(o *yaml.Node) bool {
	if !isSource(o) {
		return false
	}
	url := text(o, "spec", "url")
	return Encrypted(url) || strings.ContainsAny(path.Base(url), "$}") || hides(text(o, "spec", "chart"))
}

// veilsName tells whether a HelmRelease, of which its name may have to decide, does not say it.
func veilsName(o *yaml.Node) bool {
	return text(o, "kind") == "HelmRelease" && child(child(o, "spec"), "chartRef") != nil &&
		(hides(text(o, "metadata", "name")) || hides(text(o, "spec", "releaseName")))
}

// completes tells whether a kustomization puts something around names that may make one of Spegel's of them.
func (r *repo) completes(prefix, suffix string) bool {
	return slices.ContainsFunc([]string{prefix, suffix}, func(part string) bool {
		return part != "" && (hides(part) || slices.ContainsFunc(r.words, func(word []byte) bool { return bytes.Contains(word, []byte(part)) }))
	})
}
