package fluxrepo

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// moreWords adds the names of what leads to Spegel's chart, or holds its values, without saying so in its
// own name, and the variables whose value does.
func (g *graph) moreWords() {
	var more [][]byte
	variables := g.variableSources()
	for _, v := range g.opts.handedOver() {
		g.allHot = g.allHot || g.hasWord([]byte(v))
	}
	for _, name := range g.sortedFiles() {
		f := g.files[name]
		if f.marks&markWord == 0 || f.marks&(markSource|markConfigMap|markSecret) == 0 || !f.isManifest() {
			continue
		}
		docs, _ := g.decoded(f) // reported where the file is needed
		for _, d := range objectsOf(docs) {
			w := g.leads(d, variables)
			g.leading = g.leading || w != ""
			g.allHot = g.allHot || strings.Contains(w, "$") || Encrypted(w) // nobody refers to it in these words
			if w != "" && !g.hasWord([]byte(w)) {
				more = append(more, []byte(w))
			}
		}
	}
	g.generatedWords(variables)
	if len(more) == 0 {
		return
	}
	slices.SortFunc(more, bytes.Compare)
	g.words = append(g.words, slices.CompactFunc(more, bytes.Equal)...)
	g.markAgain()
}

// markAgain looks for words that were not known when the files were read.
func (g *graph) markAgain() {
	for _, f := range g.files {
		leads := f.marks&(markRelease|markKustomization) != 0 || slices.Contains(kustomizationNames, path.Base(f.path))
		if leads && f.marks&markWord == 0 {
			if data, err := g.content(f); err == nil && g.hasWord(data) {
				f.marks |= markWord
			}
		}
	}
}

// leads returns the name of an object if the name leads to Spegel's chart or values. A variable that
// does makes everything suspect.
func (g *graph) leads(d *yaml.Node, variables map[string]bool) string {
	name := text(d, "metadata", "name")
	switch text(d, "kind") {
	case "OCIRepository", "HelmChart":
		if veilsSource(d) || g.hasWord([]byte(text(d, "spec", "url")+" "+text(d, "spec", "chart"))) {
			return name
		}
	case "ConfigMap", "Secret":
		body, err := yaml.Marshal(d)
		if text(d, "kind") == "Secret" {
			body = append(body, decodedData(d)...)
		}
		g.allHot = g.allHot || err == nil && namesSource(variables, name) && g.hasWord(body)
		if err == nil && chartKey(body) {
			return name
		}
	}
	return ""
}

// decodedData is what the values in base64 of a Secret are.
func decodedData(secret *yaml.Node) []byte {
	var out []byte
	if data := deref(child(secret, "data")); data != nil {
		for _, n := range data.Content {
			value, _ := fromBase64(deref(n).Value) // a key, or not base64: as far as it goes
			out = append(append(out, value...), '\n')
		}
	}
	return out
}

// chartKey tells values of Spegel's chart by a key.
func chartKey(data []byte) bool {
	for _, key := range []string{"egistries", "containerd", "mirrorResolve", "prependExisting", "appendMirrors", "resolveTags", "additionalMirror"} {
		if bytes.Contains(data, []byte(key)) {
			return true
		}
	}
	return false
}

// aName is a name in YAML of any style, or in JSON, up to a variable in it.
var aName = regexp.MustCompile(`name["']?\s*:\s*["']?([^\s"',}\]#$]*\$?)`)

// variableSources are the names that could be those of ConfigMaps and Secrets with variables. One with a
// variable in it ends there, with a dollar sign.
func (g *graph) variableSources() map[string]bool {
	out := map[string]bool{}
	for _, f := range g.files {
		if f.marks&markVariables == 0 {
			continue
		}
		data, err := g.content(f)
		if err != nil {
			continue
		}
		addNames(out, data)
	}
	return out
}

// addNames adds all names in a text.
func addNames(to map[string]bool, data []byte) {
	for _, m := range aName.FindAllSubmatch(data, -1) {
		to[string(m[1])] = true
	}
}

// namesSource tells whether an object of a name could be one with variables. A prefix or suffix may be put
// around its name.
func namesSource(variables map[string]bool, name string) bool {
	for v := range variables {
		if before, cut := strings.CutSuffix(v, "$"); strings.Contains(v, name) || cut && strings.Contains(name, before) {
			return true
		}
	}
	return false
}

// standsAlone tells whether a folder, though it lies in a repository, holds one of its own: its
// Kustomizations' paths lead to folders in it.
func standsAlone(dir string) bool {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false
	}
	defer func() { _ = root.Close() }()
	alone := false
	// what can't be read, or be decoded, says nothing
	_ = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || alone {
			return fs.SkipAll
		}
		if !d.Type().IsRegular() || !isYAML(d.Name()) {
			return nil
		}
		info, err := d.Info()
		if err != nil || info.Size() > 1<<20 {
			return nil //nolint:nilerr // see above
		}
		data, err := root.ReadFile(p)
		if err != nil || !bytes.Contains(data, []byte(fluxGroup)) {
			return nil //nolint:nilerr // see above
		}
		docs, _ := decodeDocuments(data)
		for _, doc := range docs {
			if to := text(doc, "spec", "path"); isKind(doc, fluxGroup, "Kustomization") && strings.Trim(to, "./") != "" {
				info, err := root.Stat(strings.TrimPrefix(path.Clean("/"+to), "/"))
				alone = err == nil && info.IsDir()
				return fs.SkipAll
			}
		}
		return nil
	})
	return alone
}
