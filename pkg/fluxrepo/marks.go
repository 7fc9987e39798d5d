package fluxrepo

import (
	"bytes"
	"path"
	"regexp"
	"strconv"
	"strings"
)

var signs = []struct {
	all  []string
	mark mark
}{
	{[]string{"kustomize.toolkit.fluxcd.io", "Kustomization"}, markKustomization},
	{[]string{"helm.toolkit.fluxcd.io", "HelmRelease"}, markRelease},
	{[]string{"OCIRepository"}, markSource},
	{[]string{"HelmChart"}, markSource},
	{[]string{"ConfigMap"}, markConfigMap},
	{[]string{"configMapGenerator"}, markConfigMap},
	{[]string{"Secret"}, markSecret},
	{[]string{"secretGenerator"}, markSecret},
	{[]string{"GitRepository"}, markGit},
	{[]string{"/metadata/name"}, markDisguise},
	{[]string{"/spec/url"}, markDisguise},
	{[]string{"/spec/chart"}, markDisguise},
	{[]string{"fieldPaths", "metadata.name"}, markDisguise},
	{[]string{"fieldPaths", "spec.url"}, markDisguise},
	{[]string{"fieldPaths", "spec.chart"}, markDisguise},
	{[]string{"substituteFrom"}, markVariables},
	{[]string{"fluxcd.controlplane.io", "ResourceSet"}, markElsewhere},
	{[]string{"fluxcd.controlplane.io", "FluxInstance"}, markElsewhere},
	{[]string{"source.extensions.fluxcd.io", "ArtifactGenerator"}, markElsewhere},
}

// moves matches a patch that gives a Kustomization another path, or more components.
var moves = regexp.MustCompile(`/spec/(path|components)|(?m)^ {4,}(- )?(path: *["']?[^/"' ]|components:)`)

// variableChart matches a source whose chart is a variable.
var variableChart = regexp.MustCompile(`(url|chart)["']?\s*:[^\n]*\$`)

// marks looks for byte strings only. It may say more than is true, never less.
func (r *repo) marks(data []byte) mark {
	m := r.plainMarks(data)
	if bytes.IndexByte(data, '\\') >= 0 && anEscape.Match(data) {
		m |= r.plainMarks(anEscape.ReplaceAllFunc(data, unescape))
	}
	return m
}

// anEscape matches a character that is written as its number in double quotes, and a line that goes on in
// the next one.
var anEscape = regexp.MustCompile(`\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\\r?\n[ \t]*\\?`)

func unescape(s []byte) []byte {
	if s[1] == '\r' || s[1] == '\n' {
		return nil
	}
	code, err := strconv.ParseUint(string(s[2:]), 16, 31)
	if err != nil {
		return s // no character
	}
	return []byte(string(rune(code)))
}

func (r *repo) plainMarks(data []byte) mark {
	var m mark
	for _, s := range signs {
		if m&s.mark == s.mark {
			continue
		}
		found := true
		for _, want := range s.all {
			found = found && bytes.Contains(data, []byte(want))
		}
		if found {
			m |= s.mark
		}
	}
	if r.hasWord(data) || m&markSecret != 0 && hasAny(data, r.coded) {
		m |= markWord
	}
	if m&markSource != 0 && variableChart.Match(data) {
		m |= markDisguise
	}
	if bytes.IndexByte(data, '&') >= 0 && bytes.IndexByte(data, '*') >= 0 {
		m |= markAnchor
	}
	if bytes.Contains(data, []byte("patch")) && moves.Match(data) {
		m |= markMovesReading
	}
	return m
}

func (r *repo) hasWord(data []byte) bool { return hasAny(data, r.words) }

func hasAny(data []byte, words [][]byte) bool {
	for _, w := range words {
		if bytes.Contains(data, w) {
			return true
		}
	}
	return false
}

// chartWords are the words without which nothing leads to a release of Spegel's: the chart's names, and
// the key of its values.
func chartWords(charts []string) []string {
	words := []string{"spegel"}
	for _, c := range charts {
		if w := path.Base(strings.TrimRight(c, "/")); w != "spegel" && w != "." {
			words = append(words, w)
		}
	}
	return words
}
