package declare

import (
	"cmp"
	"net/url"
	"path"
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
	file, kind, ns, name, url, ignore string
	own                               bool     // it is this repository for certain
	includes                          []string // folders of its artifact that hold what is in another source
}

func newSource(file, kind string, doc *yaml.Node) source {
	s := source{
		file: file, kind: kind, ns: yamldoc.Text(doc, "metadata", "namespace"), name: yamldoc.Text(doc, "metadata", "name"),
		url: yamldoc.Text(doc, "spec", "url"), ignore: yamldoc.Text(doc, "spec", "ignore"),
	}
	if kind == "Bucket" {
		s.url = yamldoc.Text(doc, "spec", "endpoint") + "/" + yamldoc.Text(doc, "spec", "bucketName")
	}
	for _, item := range yamldoc.Items(yamldoc.Child(doc, "spec", "include")) {
		to := cmp.Or(yamldoc.Text(item, "toPath"), yamldoc.Text(item, "repository", "name"))
		s.includes = append(s.includes, strings.TrimPrefix(path.Clean("/"+to), "/"))
	}
	return s
}

// findOwnURLs finds the URLs of this repository: where it was cloned from, what a FluxInstance syncs, and what the
// Kustomization is built from that lies in the folder it builds, as the bootstrap of Flux makes it.
func (r *Repository) findOwnURLs() {
	add := func(u string) {
		if u != "" && !strings.Contains(u, "$") {
			r.ownURLs = append(r.ownURLs, u)
		}
	}
	add(r.tree.Origin())
	for _, s := range r.sources {
		if s.own {
			add(s.url)
		}
	}
	known := len(r.ownURLs) > 0
	for _, k := range r.All {
		isBootstrap := k.source.Kind == "GitRepository" && k.text("spec", "path") != "" && r.tree.IsDir(k.Path) && worktree.Within(path.Dir(k.File), k.Path)
		if isBootstrap && (!known || k.Path != "." || k.source.Name == k.source.Namespace) { // every file lies in the root; a bootstrap names all alike
			s, _ := r.find(k.source)
			add(s.url)
		}
	}
}

func (r *Repository) find(ref SourceRef) (found source, ok bool) {
	for _, s := range r.sources {
		if s.kind == ref.Kind && s.name == ref.Name && (s.ns == ref.Namespace || s.ns == "" || ref.Namespace == "") &&
			(!ok || worktree.Shared(s.file, ref.Near) > worktree.Shared(found.file, ref.Near)) {
			found, ok = s, true
		}
	}
	return found, ok
}

// whose reports whether a source is this repository, as far as its URL says.
func (r *Repository) whose(ref SourceRef) (ours, known bool) {
	s, _ := r.find(ref)
	is := func(same func(own string) bool) bool { return slices.ContainsFunc(r.ownURLs, same) }
	switch {
	case ref.Kind == "ExternalArtifact": // something makes it of whatever it likes
		return false, false
	case s.own:
		return true, true
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
	s, _ := r.find(ref)
	if r.ignores[s.ignore] == nil {
		r.ignores[s.ignore] = r.tree.Ignoring(s.ignore)
	}
	return r.ignores[s.ignore]
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
		return slices.ContainsFunc(s.includes, func(to string) bool { return worktree.Within(p, to) })
	})
}

// normalURL is the host and the path of a URL in lower case, as forges are blind to case in both, without what says how,
// where and as whom the host is asked. What is no URL stays as it is.
func normalURL(s string) string {
	s = strings.TrimSpace(s)
	if host, p, ok := strings.Cut(s, ":"); !strings.Contains(s, "://") && ok && host != "" && !strings.Contains(host, "/") {
		s = "ssh://" + host + "/" + p // the form of scp
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return s
	}
	return azure.Replace(strings.ToLower(strings.TrimSuffix(u.Hostname(), ".") + strings.TrimSuffix(path.Clean("/"+u.Path), ".git")))
}

// azure makes one of the two forms of a repository at Azure DevOps.
var azure = strings.NewReplacer("ssh.dev.azure.com/v3/", "dev.azure.com/", "/_git/", "/")
