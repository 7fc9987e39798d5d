package declare

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// SourceRef names a source of Flux. Clusters may give theirs the same name, so the one that lies nearest to a file counts.
type SourceRef struct{ Kind, Namespace, Name, Near string }

// SourceOf is the source of a Kustomization.
func SourceOf(k *yaml.Node, near string) SourceRef {
	ref := yamldoc.Child(k, "spec", "sourceRef")
	return SourceRef{yamldoc.Text(ref, "kind"), cmp.Or(yamldoc.Text(ref, "namespace"), yamldoc.Text(k, "metadata", "namespace")), yamldoc.Text(ref, "name"), near}
}

// source is a source of Flux that stands in a file.
type source struct {
	SourceRef
	url string
	doc *yaml.Node
}

func newSource(file string, doc *yaml.Node) source {
	s := source{SourceRef{yamldoc.Text(doc, "kind"), yamldoc.Text(doc, "metadata", "namespace"), yamldoc.Text(doc, "metadata", "name"), file}, yamldoc.Text(doc, "spec", "url"), doc}
	if s.Kind == "Bucket" {
		s.url = yamldoc.Text(doc, "spec", "endpoint") + "/" + yamldoc.Text(doc, "spec", "bucketName")
	}
	return s
}

// own adds a URL of this repository: where it was cloned from, what a FluxInstance syncs, or what a bootstrap is built from.
func (r *Repository) own(u string) {
	if u != "" && !strings.Contains(u, "$") {
		r.ownURLs = append(r.ownURLs, u)
	}
}

// isBootstrap reports whether a Kustomization lies in the folder that it builds, as the bootstrap of Flux makes it.
func (r *Repository) isBootstrap(k *Kustomization) bool {
	return k.source.Kind == "GitRepository" && k.text("spec", "path") != "" && r.tree.IsDir(k.Path) && worktree.Within(path.Dir(k.File), k.Path)
}

// find looks for a source; nothing is found if it is not declared. OCIRepositories are those of charts, mostly, so the files
// that hold nothing else are read only when a Kustomization may be built from one.
func (r *Repository) find(ref SourceRef) (found source) {
	if ref.Kind == "OCIRepository" && !r.charts {
		r.charts = true
		r.read(worktree.Source, declaring)
	}
	for _, s := range r.sources {
		if s.Kind == ref.Kind && s.Name == ref.Name && (s.Namespace == ref.Namespace || s.Namespace == "" || ref.Namespace == "") &&
			(found.Kind == "" || worktree.Shared(s.Near, ref.Near) > worktree.Shared(found.Near, ref.Near)) {
			found = s
		}
	}
	return found
}

// whose reports whether a source is this repository, as far as its URL says.
func (r *Repository) whose(ref SourceRef) (ours, known bool) {
	s := r.find(ref)
	is := func(same func(own string) bool) bool { return slices.ContainsFunc(r.ownURLs, same) }
	switch {
	case ref.Kind == "ExternalArtifact": // something makes it of whatever it likes
		return false, false
	case s.url == "" || strings.Contains(s.url, "$"):
		return false, false
	case is(func(u string) bool { return normalURL(u) == normalURL(s.url) }):
		return true, true
	case ref.Kind == "GitRepository":
		return false, len(r.ownURLs) > 0
	}
	return false, !is(func(u string) bool { return strings.Contains(strings.ToLower(s.url), path.Base(normalURL(u))) })
}

// isOurs reports whether a source that something takes a folder from is this repository. Where that is not known, the folder says
// it, unless it is the root, which every repository has, or else that others take folders from the source that are here.
func (r *Repository) isOurs(ref SourceRef, folder string) bool {
	isHere := func(folder string) bool { return folder != "." && r.tree.IsDir(folder) }
	switch ours, known := r.whose(ref); {
	case known || ref.Kind == "ExternalArtifact":
		return ours
	case isHere(folder):
		return true
	case folder != "." && ref.Kind != "GitRepository":
		return false
	case ref.Name == "flux-system":
		return true
	}
	none := true
	for _, k := range r.All {
		if isHere(k.Path) && k.source.Name == ref.Name {
			return true
		}
		none = none && !isHere(k.Path)
	}
	return none && folder == "."
}

func (r *Repository) ignoreOf(ref SourceRef) *worktree.Ignore {
	spec := yamldoc.Text(r.find(ref).doc, "spec", "ignore")
	if r.ignores[spec] == nil {
		r.ignores[spec] = r.tree.Ignoring(spec)
	}
	return r.ignores[spec]
}

// Artifact reports whether a source that something in a file names is this repository, and what it leaves out of its
// artifact. folder is what is taken from it.
func (r *Repository) Artifact(kind, ns, name, file, folder string) (ignore *worktree.Ignore, own bool) {
	ref := SourceRef{kind, ns, name, file}
	return r.ignoreOf(ref), r.tree.IsDir(folder) && r.isOurs(ref, folder)
}

// included reports whether a path that is not in the repository may be in the artifact of a source that includes
// others.
func (r *Repository) included(p string) bool {
	return slices.ContainsFunc(r.sources, func(s source) bool {
		return slices.ContainsFunc(yamldoc.Items(yamldoc.Child(s.doc, "spec", "include")), func(item *yaml.Node) bool {
			to := cmp.Or(yamldoc.Text(item, "toPath"), yamldoc.Text(item, "repository", "name"))
			return worktree.Within(p, path.Join(".", path.Join("/", to)[1:]))
		})
	})
}

// aURL matches a URL, or the form of scp: the host and the path are what counts of it.
var aURL = regexp.MustCompile(`^(?:[\w+]+://)?(?:[^@/]*@)?([\w.-]*\w)\.?(?::\d+)?[:/]+(.+?)(?:\.git)?/*$`)

// normalURL is the host and the path of a URL in lower case, as forges are blind to case in both, without what says how,
// where and as whom the host is asked. What is no URL stays as it is.
func normalURL(s string) string {
	m := aURL.FindStringSubmatch(strings.ToLower(strings.TrimSpace(s)))
	if m == nil {
		return s
	}
	return azure.Replace(m[1] + "/" + m[2])
}

// azure makes one of the two forms of a repository at Azure DevOps.
var azure = strings.NewReplacer("ssh.dev.azure.com/v3/", "dev.azure.com/", "/_git/", "/")
