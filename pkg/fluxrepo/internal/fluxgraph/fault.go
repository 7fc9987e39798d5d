package fluxgraph

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Fault is what could not be read, built or followed. Line and Column count from 1; 0 is not known.
type Fault struct {
	File         string
	Line, Column int
	Message      string
	By           *Instance // whose build it is about; nil for none
	// Concerns says that a release of Spegel could come from there.
	Concerns bool
	// Remote says that something lies elsewhere, and so was not followed, which is no failure.
	Remote bool
	// Missing says that a Kustomization, or its path, is not there as it should be: it counts where a release is not built.
	Missing bool
}

// Faults are all of them.
func (g *Graph) Faults() []Fault {
	f := &faults{Graph: g, concern: map[*declare.Kustomization]bool{}}
	f.files()
	for _, n := range g.Instances {
		if !n.Plain {
			f.instance(n)
		}
	}
	for d := range declare.Reach(g.decl.Roots...) {
		for _, folder := range d.Folders {
			f.holes(folder, nil, f.concerns(d))
		}
	}
	return f.all
}

type faults struct {
	*Graph
	concern map[*declare.Kustomization]bool
	all     []Fault
}

func (f *faults) add(fault Fault, err error) {
	if bad, ok := errors.AsType[*yamldoc.Error](err); ok {
		fault.Line, fault.Column = bad.Line, bad.Column
	}
	if fault.Message == "" && err != nil {
		fault.Message = overlay.Plain(err).Error()
	}
	f.all = append(f.all, fault)
}

// files adds what can't be read, and what was asked for and holds nothing.
func (f *faults) files() {
	for _, p := range f.tree.DirPaths() {
		if err := f.tree.Dir(p).Err; err != nil && !f.decl.Hidden(p) {
			f.add(Fault{File: p, Concerns: true}, err)
		}
	}
	for _, p := range f.tree.Paths() {
		if file := f.tree.File(p); file.Asked || !f.decl.Hidden(p) {
			f.file(p, file)
		}
	}
}

// file adds what is wrong with a file.
func (f *faults) file(p string, file *worktree.File) {
	if file.Err != nil {
		f.add(Fault{File: p, Concerns: file.Marks&worktree.TooLarge == 0 || file.Marks&worktree.Spegel != 0}, file.Err)
		return
	}
	objects := file.Marks&worktree.Kustomization != 0 || file.Marks&worktree.Release != 0 && file.Marks&worktree.Word != 0
	if !file.IsManifest() || !objects && !file.Asked || file.IsKustomization() {
		return
	}
	docs, err := f.tree.Documents(p)
	isObject := func(d *yaml.Node) bool { return yamldoc.Text(d, "kind") != "" && yamldoc.Text(d, "apiVersion") != "" }
	switch {
	case err != nil:
		f.add(Fault{
			File: p, Concerns: file.Asked || file.Marks&worktree.Spegel != 0 && (f.decl.Read[p] || f.InFull(p)),
			Missing: file.Marks&worktree.Kustomization != 0,
		}, err)
	case file.Asked && !f.decl.Read[p] && !slices.ContainsFunc(yamldoc.Objects(docs), isObject):
		f.add(Fault{File: p, Message: "holds no Kubernetes object", Concerns: true}, nil)
	}
}

// concerns reports whether what a declaration reads, or one that it leads to, holds a release, source or values of a
// chart of the policy, or makes what one depends on.
func (f *faults) concerns(d *declare.Kustomization) bool {
	yes, known := f.concern[d]
	if known {
		return yes
	}
	f.concern[d] = false // what leads back to it leads nowhere else
	for _, folder := range d.Folders {
		folder.Files(func(p string) bool {
			yes = yes || f.concernsFile(p)
			return !yes
		})
	}
	yes = yes || slices.ContainsFunc(d.Children, f.concerns)
	f.concern[d] = yes
	return yes
}

// concernsFile reports whether a file does. Of a kustomization that can't be read, all beside and below it counts.
func (f *faults) concernsFile(p string) bool {
	file := f.tree.File(p)
	if f.decl.Reader.IsBroken(p) {
		return slices.ContainsFunc(f.tree.Paths(), func(other string) bool {
			return worktree.Within(other, path.Dir(p)) && f.tree.File(other).Marks&worktree.Spegel != 0
		})
	}
	return file.Marks&worktree.Spegel != 0 || file.Err != nil || f.finds.Produces(p)
}

func (f *faults) concernsInstance(n *Instance) bool {
	yes := false
	n.Files(func(p string) bool {
		yes = yes || f.concernsFile(p) || slices.ContainsFunc(f.decl.In[p], f.concerns)
		return !yes
	})
	return yes || f.tree.Mark(n.text)&worktree.Spegel != 0
}

// instance adds what is wrong with one Kustomization in its chain.
func (f *faults) instance(n *Instance) {
	at := f.Place(n)
	at.By = n
	name := "Kustomization " + substitute.Written(n.Name)
	switch {
	case n.Missing:
		at.Message, at.Missing = name+": "+n.Problem, true
		f.add(at, nil)
	case n.Problem != "":
		at.Message, at.Remote = name+": "+n.Problem, true
		at.Concerns = n.Spec.SourceRef.Kind == "ExternalArtifact" || f.tree.Mark(n.text)&worktree.Word != 0 || strings.HasPrefix(n.Problem, "its path holds")
		f.add(at, nil)
	case n.Err != nil && n.Folders == nil:
		at.Line, at.Column, at.Concerns, at.Missing = 0, 0, f.tree.Mark(n.text)&worktree.Word != 0, true
		f.add(at, n.Err)
	case n.Built:
		f.build(n, at, name)
	}
}

// build adds what is wrong with a build, and with the objects that it emits.
func (f *faults) build(n *Instance, at Fault, name string) {
	concerns := f.concernsInstance(n)
	for _, folder := range n.Folders {
		f.holes(folder, n, concerns)
	}
	at.Concerns = concerns
	if n.Unfollowed {
		at.Message, at.Remote = name+": patches are left out, because what they are for may lie in a remote resource", true
		f.add(at, nil)
	}
	if n.Err != nil && !f.broken(n, concerns) {
		if at.Message = fmt.Sprintf("%s can't be built: %s", name, overlay.Plain(n.Err)); strings.HasPrefix(n.Err.Error(), "builds more") {
			at.Message, at.Line, at.Column = n.Err.Error(), 0, 0
		}
		f.add(at, nil)
	}
	for _, o := range n.Objects {
		f.object(n, o)
	}
}

// broken adds the files of a build that are no YAML.
func (f *faults) broken(n *Instance, concerns bool) (found bool) {
	n.Files(func(p string) bool {
		if yamldoc.IsYAML(p) {
			if _, err := f.tree.Documents(p); err != nil {
				found = true
				f.add(Fault{File: p, By: n, Concerns: concerns}, err)
			}
		}
		return true
	})
	return found
}

func (f *faults) object(n *Instance, o *Object) {
	unknownKind := len(substitute.Unknown(o.Kind+o.APIVersion)) > 0 || len(o.Unset) > 0 && (o.Kind == "" || strings.Contains(o.Written.Kind+o.Written.APIVersion, "${") && o.Kind != "HelmRelease")
	if o.Err == nil && !unknownKind {
		return
	}
	fault := Fault{File: n.File, By: n, Concerns: f.tree.Mark(o.Text)&worktree.Word != 0}
	if file, node := f.Document(o); node != nil {
		fault.File, fault.Line, fault.Column = file, node.Line, node.Column
	}
	name := o.Kind + " " + substitute.Written(o.Written.Name)
	switch {
	case unknownKind:
		fault.Message, fault.Remote = "holds a variable without a value in its kind or apiVersion, so it is not checked", true
	case o.Kind == "ResourceSet":
		fault.Message, fault.Remote = name+" can't be followed, so what it builds is not checked: "+o.Err.Error(), true
	default:
		fault.Message = name + ": " + o.Err.Error()
	}
	f.add(fault, nil)
}

// holes adds what a folder, and those below it, name and what is not there.
func (f *faults) holes(folder *overlay.Folder, n *Instance, concerns bool) {
	folder.Walk(func(folder *overlay.Folder) bool {
		for _, h := range folder.Holes {
			if h.Remote && h.Shaping && concerns { // said with the release
				continue
			}
			fault := Fault{File: h.File, Line: h.Line, Column: h.Column, Message: h.Problem, By: n, Concerns: concerns || h.Remote && f.finds.HasWord(h.Path), Remote: h.Remote}
			if h.Path != "" {
				fault.Message = h.Field + ": " + h.Path + " " + h.Problem
			}
			if h.Remote {
				fault.Message += ", so what it holds is not checked"
			}
			f.all = append(f.all, fault)
		}
		return true
	})
}

// Place is where a Kustomization names its path, or else its file.
func (g *Graph) Place(n *Instance) Fault {
	at := Fault{File: n.File}
	docs, _ := g.tree.Documents(n.File) // reported where the file is needed
	for _, d := range yamldoc.Objects(docs) {
		name := yamldoc.Text(d, "metadata", "name")
		if !yamldoc.IsKind(d, declare.KustomizeGroup, "Kustomization") || !strings.Contains(n.Name, name) && !strings.Contains(name, "${") {
			continue
		}
		if key, _ := yamldoc.Reach(d, []any{"spec", "path"}); key != nil {
			at.Line, at.Column = key.Line, key.Column
			return at
		}
	}
	return at
}
