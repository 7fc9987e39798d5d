package overlay

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// elsewhere is why what kustomize would fetch is not followed.
const elsewhere = "is not in this repository"

// Reader reads folders as Flux and kustomize would, each once.
type Reader struct {
	tree     *worktree.Tree
	included func(p string) bool
	folders  map[folderKey]*Folder
	broken   map[string]bool
}

type folderKey struct {
	ignore *worktree.Ignore
	dir    string
}

// NewReader reads the folders of a tree. included reports whether a path that is not there may be in the artifact
// all the same, because the source includes another.
func NewReader(tree *worktree.Tree, included func(p string) bool) *Reader {
	return &Reader{tree: tree, included: included, folders: map[folderKey]*Folder{}, broken: map[string]bool{}}
}

// IsBroken reports whether a kustomization that was read holds what can't be built. An empty one holds nothing.
func (r *Reader) IsBroken(file string) bool { return r.broken[file] }

// Folder reads a folder of an artifact.
func (r *Reader) Folder(ignore *worktree.Ignore, dir string) *Folder {
	key := folderKey{ignore, dir}
	if f, ok := r.folders[key]; ok {
		return f
	}
	f := &Folder{Dir: dir}
	r.folders[key] = f
	switch f.File = r.tree.Kustomization(dir, ignore); {
	case ignore.Dir(dir):
		f.Holes = append(f.Holes, Hole{File: dir, Problem: "there is no such folder"})
	case f.File != "":
		r.read(f, ignore)
	default:
		r.list(f, ignore)
	}
	return f
}

// read follows the paths of a kustomization.
func (r *Reader) read(f *Folder, ignore *worktree.Ignore) {
	doc, err := r.decode(f)
	if err != nil {
		r.broken[f.File] = !errors.Is(err, errNone)
		h := Hole{File: f.File, Problem: err.Error()}
		if bad, ok := errors.AsType[*yamldoc.Error](err); ok {
			h.Line, h.Column = bad.Line, bad.Column
		}
		f.Holes = append(f.Holes, h)
		return
	}
	f.strip(func(field, p string) bool {
		if key, after, ok := strings.Cut(p, "="); ok && key != "" && strings.HasSuffix(field, "Generator") {
			p = after
		}
		problem := r.follow(f, ignore, field, p)
		if problem != "" {
			f.changed = true
			at := placeOf(cmp.Or(yamldoc.Child(doc, field), doc), p)
			if isInline(p) {
				p = "what stands there"
			}
			f.Holes = append(f.Holes, Hole{
				File: f.File, Line: at.Line, Column: at.Column, Field: field, Path: p, Remote: strings.HasSuffix(problem, elsewhere), Problem: problem,
				Shaping: slices.Contains([]string{"components", "patches", "patchesJson6902", "transformers"}, field),
			})
		}
		return problem == ""
	})
}

// strip takes out of a kustomization what it names and what is not there.
func (f *Folder) strip(isThere func(field, p string) bool) {
	ks := &f.ks
	isGone := func(field, p string) bool { return p != "" && !isThere(field, p) }
	paths := func(field string, list []string) []string {
		return slices.DeleteFunc(list, func(p string) bool { return isGone(field, p) })
	}
	patches := func(field string, list []kustypes.Patch) []kustypes.Patch {
		return slices.DeleteFunc(list, func(p kustypes.Patch) bool { return isGone(field, p.Path) })
	}
	sources := func(field string, s *kustypes.KvPairSources) {
		s.FileSources, s.EnvSources = paths(field, s.FileSources), paths(field, s.EnvSources)
	}
	ks.Resources, ks.Components = paths("resources", ks.Resources), paths("components", ks.Components)
	ks.Crds, ks.Configurations = paths("crds", ks.Crds), paths("configurations", ks.Configurations)
	ks.Generators, ks.Transformers = paths("generators", ks.Generators), paths("transformers", ks.Transformers)
	ks.Validators = paths("validators", ks.Validators)
	ks.Patches, ks.PatchesJson6902 = patches("patches", ks.Patches), patches("patchesJson6902", ks.PatchesJson6902) //nolint:staticcheck // repositories have it
	ks.Replacements = slices.DeleteFunc(ks.Replacements, func(r kustypes.ReplacementField) bool { return isGone("replacements", r.Path) })
	for i := range ks.ConfigMapGenerator {
		sources("configMapGenerator", &ks.ConfigMapGenerator[i].KvPairSources)
	}
	for i := range ks.SecretGenerator {
		sources("secretGenerator", &ks.SecretGenerator[i].KvPairSources)
	}
	if isGone("openapi", ks.OpenAPI["path"]) {
		ks.OpenAPI = nil
	}
}

func (r *Reader) isFile(p string, ignore *worktree.Ignore) bool {
	return r.tree.File(p) != nil && !ignore.File(p)
}

var errNone = errors.New("holds no kustomization")

// decode reads a kustomization, or says why nothing can be built of it.
func (r *Reader) decode(f *Folder) (*yaml.Node, error) {
	docs, err := r.tree.Documents(f.File)
	if err != nil {
		return nil, err
	}
	if len(docs) == 0 || docs[0].Kind != yaml.MappingNode {
		return nil, errNone
	}
	data, _ := r.tree.Read(f.File) // it was decoded
	err = yamldoc.WrongType(sigsyaml.Unmarshal(data, &f.ks))
	if bad, ok := errors.AsType[*yamldoc.FieldError](err); ok && bad.Field != "" {
		at := cmp.Or(yamldoc.Child(docs[0], fmt.Sprint(yamldoc.Steps(bad.Field)[0])), docs[0])
		err = &yamldoc.Error{Line: at.Line, Column: at.Column, Reason: err.Error()}
	}
	if err != nil {
		f.ks = kustypes.Kustomization{}
		return docs[0], err
	}
	f.ks.FixKustomization() // fields of old
	var old []kustypes.Patch
	for _, p := range f.ks.PatchesStrategicMerge { //nolint:staticcheck // repositories have them
		if s := string(p); isInline(s) {
			old = append(old, kustypes.Patch{Patch: s})
		} else {
			old = append(old, kustypes.Patch{Path: s})
		}
	}
	f.ks.Patches, f.ks.PatchesStrategicMerge = append(old, f.ks.Patches...), nil //nolint:staticcheck // the same
	return docs[0], nil
}

// placeOf is where a field names a path.
func placeOf(field *yaml.Node, p string) (at yaml.Node) {
	yamldoc.EachScalar(field, func(n *yaml.Node) {
		if at.Line == 0 && (n.Value == p || strings.HasSuffix(n.Value, "="+p)) {
			at = *n
		}
	})
	return at
}

// plugin is why the configuration of a generator, transformer or validator, which stands there or in a file or folder, can't be
// used: it may make kustomize fetch something. Of what stands there, and of what can't be used, nothing more is to be followed.
func (r *Reader) plugin(f *Folder, ignore *worktree.Ignore, field, text string) (problem string, done bool) {
	p, ok := worktree.Resolve(f.Dir, text)
	switch {
	case !slices.Contains([]string{"generators", "transformers", "validators"}, field):
	case isInline(text):
		return configuration(yamldoc.Decode([]byte(text))), true
	case ok && r.isFile(p, ignore):
		problem = configuration(r.tree.Documents(p))
	case ok && r.tree.Kustomization(p, ignore) != "" && slices.ContainsFunc(All(r.Folder(ignore, p)), r.mayFetch):
		problem = elsewhere
	}
	return problem, problem != ""
}

// mayFetch reports whether a folder of configurations may make one that names what is to be fetched.
func (r *Reader) mayFetch(f *Folder) bool {
	plain := kustypes.Kustomization{TypeMeta: f.ks.TypeMeta, Namespace: f.ks.Namespace, Resources: f.ks.Resources}
	return !reflect.DeepEqual(f.ks, plain) ||
		slices.ContainsFunc(f.Resources, func(p string) bool { return configuration(r.tree.Documents(p)) != "" })
}

func configuration(docs []*yaml.Node, err error) (problem string) {
	if err != nil {
		return err.Error()
	}
	for _, d := range docs {
		if yamldoc.Text(d, "kind") == "" || yamldoc.Text(d, "metadata", "name") == "" { // kustomize would take it for a path
			problem = "is no configuration"
		}
		yamldoc.EachScalar(d, func(n *yaml.Node) {
			_, value, _ := strings.Cut(n.Value, "=")
			if aURL.MatchString(n.Value) || aURL.MatchString(value) {
				problem = "names what " + elsewhere
			}
		})
	}
	return problem
}

// follow adds what a path leads to, or says why it leads nowhere.
func (r *Reader) follow(f *Folder, ignore *worktree.Ignore, field, name string) string {
	if problem, done := r.plugin(f, ignore, field, name); done {
		return problem
	}
	p, ok := worktree.Resolve(f.Dir, name)
	isFile := r.isFile(p, ignore) // kustomize looks for a file before a repository, and for a URL before both
	switch isFolder := ok && !ignore.Dir(p); {
	case aURL.MatchString(name), isRemote(name) && !isFile:
		return elsewhere
	case !ok:
		return "leads out of the repository"
	case isFolder && strings.HasSuffix(field, "Generator"):
		return "is a folder, not a file"
	case isFolder && r.tree.Kustomization(p, ignore) == "":
		return "is a folder without a kustomization.yaml"
	case isFolder:
		f.Subs = append(f.Subs, r.Folder(ignore, p))
		return ""
	case !isFile && r.included(p):
		return elsewhere
	case !isFile:
		return "does not exist"
	}
	if !yamldoc.IsYAML(p) { // nobody has looked at it
		_, _ = r.tree.Read(p) // kustomize says what is wrong with it
	}
	if field == "resources" || field == "generators" {
		f.Resources = append(f.Resources, p)
	} else {
		f.Inputs = append(f.Inputs, p)
	}
	return ""
}

// list takes what Flux takes for the resources of a folder without a kustomization.
func (r *Reader) list(f *Folder, ignore *worktree.Ignore) {
	all := map[string]bool{}
	for _, file := range r.tree.Below(f.Dir) {
		p := file
		for dir := path.Dir(p); dir != f.Dir; dir = path.Dir(dir) { // of several, the outermost counts
			if r.tree.Kustomization(dir, ignore) != "" {
				p = dir
			}
		}
		if p != file || yamldoc.IsYAML(p) && !ignore.File(p) {
			all[p] = true
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(all), func(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) }) {
		name := "./" + strings.TrimPrefix(p, f.Dir+"/")
		f.ks.Resources = append(f.ks.Resources, name)
		r.follow(f, ignore, "resources", name)
	}
}

// aURL matches what begins like something that kustomize would fetch.
var aURL = regexp.MustCompile(`(?i)^([a-z]+:(//|:)|https?:|[\w-]+@)`)

// isInline reports whether a patch stands where a path could.
func isInline(s string) bool {
	return !aURL.MatchString(s) && (strings.Contains(s, "\n") || strings.Contains(s, ": ") || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "["))
}

// fetched matches what kustomize would fetch beside what Flux knows: by any scheme, at a ref, and with the user of a host,
// as in git@example.com:org/repo.
var fetched = regexp.MustCompile(`://|\?ref=|^[A-Za-z][A-Za-z0-9-]*@.*[/:]`)

// isRemote reports whether kustomize would fetch a path.
func isRemote(p string) bool {
	return fetched.MatchString(p) || !path.IsAbs(p) && !fluxkustomize.IsLocalRelativePath(p)
}
