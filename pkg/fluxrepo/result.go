package fluxrepo

import (
	"io"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/locate"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/selection"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Options say what to check and how.
type Options struct {
	// Paths are directories, files, or "-" for a rendered stream on Stdin.
	Paths []string
	Stdin io.Reader
	// Ignore are globs of paths, relative to the repository, that are not looked at unless something builds them.
	Ignore []string
	// Charts are the chart names, or full URLs, taken for Spegel's.
	Charts []string
	Policy validate.Policy
	// Vars are values for ${NAME}, wherever it stands. What the repository holds in the clear wins, as in the cluster.
	Vars map[string]string
	// Sources stand for ConfigMaps and Secrets with variables that the repository does not hold in the clear.
	Sources []Source
	// All builds every Kustomization, also those that a search for words takes for irrelevant.
	All bool
	// Workers is how many files are read at the same time; 0 is one a CPU. The result is the same.
	Workers int
}

// Source is a ConfigMap or Secret that a Kustomization may name in substituteFrom. One without a namespace fits any.
type Source = substitute.Source

// Encrypted reports whether a text holds a value, or a comment, that SOPS has encrypted.
func Encrypted(text string) bool { return substitute.Encrypted(text) }

// Root is the folder that a path is or lies in, with links followed, and the root of the git repository around it, empty if
// there is none.
func Root(p string) (dir, git string, err error) {
	_, dir, git, err = selection.Root(p)
	return dir, git, err
}

// Displayed is how a file or folder is shown: relative to the working directory. Links in its own path have to be followed before.
func Displayed(name string) string { return selection.Shown(name) }

// Place is where something stands. Its file is relative to the working directory as the path was given, with forward
// slashes; "<stdin>" for the stream.
type Place = locate.Place

// Finding is a finding of the rules at the place that a person edits.
type Finding struct {
	release.Finding
	Place Place
	// Argument is the field of a DaemonSet that it is about; empty where it is about values.
	Argument string
}

// Reference is what could not be read, at the place that names it.
type Reference struct {
	release.Reference
	Place Place
}

// Release is one HelmRelease of Spegel as one chain of Kustomizations builds it, or a DaemonSet that none of them makes.
type Release struct {
	// Kind is empty for a HelmRelease.
	Kind                            string
	Namespace, Name, Chart, Version string
	Suspended                       bool
	// Built is true for what a Kustomization of Flux in the repository builds.
	Built bool
	// Inactive says that nothing builds the release, as far as all can be seen; its findings are warnings at most.
	Inactive bool
	// From is the chain of Flux Kustomizations that builds it, outermost first, each as file#namespace/name; empty
	// without one.
	From       []string
	Place      Place // of the HelmRelease itself
	Findings   []Finding
	Unresolved []Reference

	asked bool // it has to do with what is asked for, as far as its places say
}

// Error is something that could not be checked.
type Error struct {
	Place   Place
	Message string
	// Fatal says that a release of Spegel could have come from there, so that the check is not complete.
	Fatal bool
	// Unfollowed says that something lies elsewhere or is not there, and so what it holds was not checked.
	Unfollowed bool
	// Elsewhere says that it does not concern Spegel.
	Elsewhere bool
}

// Result is what a check found, in an order that does not depend on the run.
type Result struct {
	Releases []Release
	Errors   []Error
	// Files is the number of files read.
	Files int
	// Unbuilt is the number of Kustomizations of which nothing of Spegel can come, and which Options.All would build.
	Unbuilt int

	given []*substitute.Given
}

// Used reports whether a value for a variable that was handed over was put in anywhere.
func (r *Result) Used(name string) bool {
	return slices.ContainsFunc(r.given, func(g *substitute.Given) bool { return g.Used[name] })
}

// Stood reports whether the source of a number in Options.Sources stood for a ConfigMap or Secret.
func (r *Result) Stood(source int) bool {
	return slices.ContainsFunc(r.given, func(g *substitute.Given) bool { return g.Stood[source] })
}
