package declare

import (
	"cmp"
	"iter"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// SourceRef names a source of Flux.
type SourceRef struct{ Kind, Namespace, Name string }

// sourceOf is the source of a Kustomization.
func sourceOf(k *yaml.Node) SourceRef {
	ref := yamldoc.Child(k, "spec", "sourceRef")
	return SourceRef{yamldoc.Text(ref, "kind"), cmp.Or(yamldoc.Text(ref, "namespace"), yamldoc.Text(k, "metadata", "namespace")), yamldoc.Text(ref, "name")}
}

// Source is what is known of a source, or of the repository where none is declared.
type Source struct {
	Ignore *worktree.Ignore // what it leaves out of its artifact
	Ours   bool             // it is this repository
	Known  bool             // because its URL says so
}

// declared is a source that stands in a file.
type declared struct{ namespace, url, ignore string }

// sources are those that are declared, for each folder that leads to their file: clusters may give theirs the same name, so the
// one that lies nearest counts.
type sources map[place][]declared

type place struct{ kind, name, dir string }

func (s sources) add(ref SourceRef, file string, d declared) {
	for dir := range up(file) {
		at := place{ref.Kind, ref.Name, dir}
		s[at] = append(s[at], d)
	}
}

func (s sources) find(ref SourceRef, near string) (d declared) {
	for dir := range up(near) {
		for _, d := range s[place{ref.Kind, ref.Name, dir}] {
			if d.namespace == ref.Namespace || d.namespace == "" || ref.Namespace == "" {
				return d
			}
		}
	}
	return d
}

// up are a file and the folders that lead to it, the nearest first.
func up(p string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for yield(p) && p != "." {
			p = path.Dir(p)
		}
	}
}

// addSource adds a source that stands in a file.
func (r *Repository) addSource(file string, doc *yaml.Node) {
	d := declared{yamldoc.Text(doc, "metadata", "namespace"), yamldoc.Text(doc, "spec", "url"), yamldoc.Text(doc, "spec", "ignore")}
	ref := SourceRef{yamldoc.Text(doc, "kind"), d.namespace, yamldoc.Text(doc, "metadata", "name")}
	if ref.Kind == "Bucket" {
		d.url = yamldoc.Text(doc, "spec", "endpoint") + "/" + yamldoc.Text(doc, "spec", "bucketName")
	}
	r.sources.add(ref, file, d)
	for _, item := range yamldoc.Items(yamldoc.Child(doc, "spec", "include")) {
		to := cmp.Or(yamldoc.Text(item, "toPath"), yamldoc.Text(item, "repository", "name"))
		r.includes = append(r.includes, path.Join(".", path.Join("/", to)))
	}
}

// included reports whether a path that is not in the repository may be in the artifact of a source that includes
// others.
func (r *Repository) included(p string) bool {
	return slices.ContainsFunc(r.includes, func(to string) bool { return worktree.Within(p, to) })
}

// own adds a URL of this repository: where it was cloned from, what a FluxInstance syncs, or what a bootstrap is built from.
func (r *Repository) own(url string) {
	if url != "" && !strings.Contains(url, "$") {
		r.ownURLs[normalURL(url)] = true
	}
}

// Source finds the source that something in a file takes a folder from. OCIRepositories are those of charts, mostly, so the
// files that hold nothing else are read only when something may be built from one.
func (r *Repository) Source(ref SourceRef, file, folder string) Source {
	if ref.Kind == "OCIRepository" && !r.charts {
		r.charts = true
		r.read(worktree.Source, declaring)
	}
	d := r.sources.find(ref, file)
	s := Source{Ignore: r.tree.Ignoring(d.ignore)}
	if ref.Kind == "ExternalArtifact" { // something makes it of whatever it likes
		return s
	}
	if s.Ours, s.Known = r.whose(ref.Kind, d.url); !s.Known {
		isDefault := ref.Kind == "GitRepository" && ref.Name == "flux-system" // as the bootstrap of Flux calls it
		s.Ours = r.isHere(folder) || r.here[ref] || isDefault || folder == "." && len(r.here) == 0
	}
	return s
}

// isHere reports whether a folder is evidence that it comes from this repository, as the root is not, which every one has.
func (r *Repository) isHere(folder string) bool { return folder != "." && r.tree.IsDir(folder) }

// whose reports whether a URL is that of this repository, as far as it says.
func (r *Repository) whose(kind, url string) (ours, known bool) {
	switch {
	case url == "" || strings.Contains(url, "$"):
		return false, false
	case r.ownURLs[normalURL(url)]:
		return true, true
	case kind == "GitRepository":
		return false, len(r.ownURLs) > 0
	}
	for own := range r.ownURLs {
		if strings.Contains(strings.ToLower(url), path.Base(own)) {
			return false, false
		}
	}
	return false, true
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
