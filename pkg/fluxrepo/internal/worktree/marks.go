package worktree

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Mark says what the bytes of a file could be about, before anything of it is decoded. It may say more than is
// true, never less.
type Mark uint32

// The marks.
const (
	Word          Mark = 1 << iota // names a chart of the policy or a key of its values, or a chart that it does not tell
	Spegel                         // a release, source or values of such a chart, not merely the word
	Kustomization                  // a Flux Kustomization
	Release                        // a HelmRelease
	Source                         // an OCIRepository or a HelmChart
	Git                            // a GitRepository or Bucket: what a Kustomization is built from
	Data                           // a ConfigMap or Secret, or a generator of one
	Builder                        // what builds in other ways: ResourceSet, FluxInstance, ArtifactGenerator
	DaemonSet
)

// filter finds the marks of a text.
type filter struct {
	words                     [][]byte
	spegel, daemonSet, opaque *regexp.Regexp
}

// signs are the words that a file with a kind of object in it can't do without.
var signs = sync.OnceValue(func() map[string]Mark {
	return map[string]Mark{
		"kustomize.toolkit.fluxcd.io": Kustomization, "HelmRelease": Release, "DaemonSet": DaemonSet,
		"OCIRepository": Source, "HelmChart": Source, "GitRepository": Git, "Bucket": Git,
		"ConfigMap": Data, "configMapGenerator": Data, "Secret": Data, "secretGenerator": Data,
		"ResourceSet": Builder, "FluxInstance": Builder, "ArtifactGenerator": Builder,
	}
})

// MarkOf is the mark of a kind that a check looks at, and 0 for any other.
func MarkOf(kind string) Mark { return signs()[kind] }

// ofDaemonSet matches the flags by which pkg/rollout tells Spegel, and their environment variables.
const ofDaemonSet = `mirrored-registries|mirror-(targets|registries)|containerd-registry-config-path|router-addr|` +
	`MIRRORED_REGISTRIES|MIRROR_(TARGETS|REGISTRIES)|CONTAINERD_REGISTRY_CONFIG_PATH|ROUTER_ADDR`

// opaque matches where a chart, or the end of its URL, is not told: a variable or an encrypted value. What refers to a chart, or
// changes which one it is, says so in the lines below.
const opaque = `(?m)\bchart["']?\s*:[^\n]*(\$\{|ENC\[)|\burl["']?\s*:\s*["']?(oci://[^\n]*(\$\{|ENC\[)[^/\n]*$|\$\{|ENC\[)|` +
	`(\bchartRef\b|/spec/chart|/spec/url)([^\n]*\n){0,3}[^\n]*(\$\{|ENC\[)`

func newFilter(charts []string) *filter {
	f := &filter{daemonSet: regexp.MustCompile(ofDaemonSet), opaque: regexp.MustCompile(opaque)}
	names := []string{"spegel"}
	for _, c := range charts {
		if w := path.Base(strings.TrimRight(c, "/")); w != "." && !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	var patterns []string
	for _, w := range names {
		f.words = append(f.words, []byte(w))
		patterns = append(patterns, regexp.QuoteMeta(w))
	}
	f.words = append(f.words, []byte("mirroredRegistries"), []byte("--mirrored-registries"))
	word := "(" + strings.Join(patterns, "|") + ")"
	f.spegel = regexp.MustCompile(`(?m)mirroredRegistries|\b(chart|[nN]ame|url)["']?\s*:\s*["']?[^\s"',}]*` + word + `|["'{\s]spegel["']?\s*:|/spec/(chart|url|values).*` + word)
	return f
}

func (f *filter) marks(text []byte) Mark {
	var m Mark
	for word, mark := range signs() {
		if m&mark != mark && bytes.Contains(text, []byte(word)) {
			m |= mark
		}
	}
	has := func(w []byte) bool { return bytes.Contains(text, w) }
	switch {
	case slices.ContainsFunc(f.words, has), m&DaemonSet != 0 && f.daemonSet.Match(text):
		m |= Word
		if f.spegel.Match(append([]byte("\n"), text...)) {
			m |= Spegel
		}
	case m&(Release|Source|Kustomization) != 0 && (has([]byte("${")) || has([]byte("ENC["))) && f.opaque.Match(text):
		m |= Word
	}
	return m
}
