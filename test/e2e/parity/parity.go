// Package parity is the corpus of releases that every door of the project judges alike.
//
// A case is a folder of testdata: release.yaml holds a HelmRelease, objects.yaml the objects that it
// names (absent where there are none), want.yaml what is to come out. Nothing in a case needs a
// cluster. Secrets are there, but may not be read, as in the default install.
package parity

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

//go:embed testdata
var files embed.FS

// Case is one release and its expected verdict.
type Case struct {
	Name string `json:"-"`
	// Description says in a sentence what the case is about.
	Description       string   `json:"description"`
	PrivateRegistries []string `json:"privateRegistries"`
	// UnresolvedPolicy is warn or deny; empty is warn.
	UnresolvedPolicy string `json:"unresolvedPolicy,omitempty"`
	// Verdict is deny, warn, unresolved, pass or not-spegel.
	Verdict  string    `json:"verdict"`
	Findings []Finding `json:"findings,omitempty"`
	// Unresolved are references as KIND NAMESPACE/NAME.
	Unresolved []string `json:"unresolved,omitempty"`

	Release *unstructured.Unstructured   `json:"-"`
	Objects []*unstructured.Unstructured `json:"-"`
}

// Finding is the part of a finding on which all doors agree.
type Finding struct {
	Rule  string `json:"rule"`
	Field string `json:"field"`
}

// Cases loads the corpus, sorted by name. An error names the file.
func Cases() ([]Case, error) {
	dirs, err := fs.ReadDir(files, "testdata")
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, dir := range dirs {
		c, err := load(path.Join("testdata", dir.Name()))
		if err != nil {
			return nil, err
		}
		c.Name = dir.Name()
		cases = append(cases, c)
	}
	return cases, nil
}

func load(dir string) (Case, error) {
	var c Case
	text, err := files.ReadFile(path.Join(dir, "want.yaml"))
	if err != nil {
		return c, err
	}
	if err := yaml.UnmarshalStrict(text, &c); err != nil {
		return c, fmt.Errorf("%s/want.yaml: %w", dir, err)
	}
	releases, err := objects(path.Join(dir, "release.yaml"))
	if err != nil {
		return c, err
	}
	if len(releases) != 1 {
		return c, fmt.Errorf("%s/release.yaml: %d objects; want one", dir, len(releases))
	}
	c.Release = releases[0]
	c.Objects, err = objects(path.Join(dir, "objects.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return c, err
}

func objects(name string) ([]*unstructured.Unstructured, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		var u unstructured.Unstructured
		if err := yaml.UnmarshalStrict([]byte(doc), &u.Object); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, &u)
	}
	return out, nil
}
