// Package fault lists what could not be done in a repository.
//
// In comes what its clusters build, finished, and what of it can't be judged; out goes each thing that could not be read, built or
// followed, with its place, and whether a release of Spegel could come from there: only then does it count. The package must
// never read, build or change anything. Of the project it may import fluxgraph and what that does.
package fault

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/declare"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/resourceset"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/substitute"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Fault is what could not be read, built or followed. Line and Column count from 1; 0 is not known.
type Fault struct {
	File         string
	Line, Column int
	Message      string
	By           *fluxgraph.Instance // whose build it is about; nil for none
	// Concerns says that a release of Spegel could come from there.
	Concerns bool
	// Remote says that something lies elsewhere, and so was not followed, which is no failure.
	Remote bool
	// Missing says that a Kustomization, or its path, is not there as it should be: it counts where a release is not built.
	Missing bool
}

// All are those of a repository, and the errors of objects that can't be judged.
func All(g *fluxgraph.Graph, wrong ...*fluxgraph.Object) []Fault {
	f := &faults{Graph: g}
	for _, p := range f.Tree.Paths() {
		if file := f.Tree.File(p); file.Asked || !g.Declared.Hidden(p) {
			f.file(file)
		}
	}
	for _, n := range g.Instances {
		if !n.Plain {
			f.instance(n)
		}
	}
	for _, o := range slices.Concat(g.Loose, wrong) {
		f.object(o)
	}
	for _, d := range g.Declared.All {
		f.holes(d.Folders, Fault{Concerns: f.concerns(d.Folders)})
	}
	return f.all
}

type faults struct {
	*fluxgraph.Graph

	all []Fault
}

// add adds a fault with what an error says, where that says or else at a field of an object.
func (f *faults) add(fault Fault, err error, object *yaml.Node, field ...any) {
	if bad, ok := errors.AsType[*yamldoc.FieldError](err); ok {
		field = yamldoc.Steps(bad.Field)
	}
	if bad, ok := errors.AsType[*overlay.PatchError](err); ok {
		field = []any{"spec", "patches", bad.Index}
	}
	if bad, ok := errors.AsType[*substitute.ExpressionError](err); ok && bad.Begin != "" && object != nil {
		whole := object
		yamldoc.EachScalar(whole, func(n *yaml.Node) {
			if object == whole && strings.Contains(n.Value, bad.Begin) {
				object = n
			}
		})
	}
	key, _ := yamldoc.Reach(object, field)
	if key = cmp.Or(key, object); key != nil {
		fault.Line, fault.Column = key.Line, key.Column
	}
	if bad, ok := errors.AsType[*yamldoc.Error](err); ok {
		fault.Line, fault.Column = bad.Line, bad.Column
	}
	if err != nil {
		fault.Message += overlay.Plain(err).Error()
	}
	f.all = append(f.all, fault)
}

// file adds what is wrong with a file.
func (f *faults) file(file *worktree.File) {
	p, spegel := file.Path, file.Marks&worktree.Spegel != 0
	if file.Err != nil {
		f.add(Fault{File: p, Concerns: spegel}, file.Err, nil)
		return
	}
	objects := file.Marks&worktree.Kustomization != 0 || file.Marks&worktree.Release != 0 && file.Marks&worktree.Word != 0
	if !file.IsManifest() || !objects && !file.Asked || file.IsKustomization() {
		return
	}
	docs, err := f.Tree.Documents(p)
	isObject := func(d *yaml.Node) bool { return yamldoc.Text(d, "kind") != "" && yamldoc.Text(d, "apiVersion") != "" }
	switch {
	case err != nil:
		f.add(Fault{
			File: p, Concerns: file.Asked || spegel && (f.Declared.IsRead(p, nil) || f.InFull(p)), Missing: file.Marks&worktree.Kustomization != 0,
		}, err, nil)
	case file.Asked && !f.Declared.IsRead(p, nil) && !slices.ContainsFunc(docs, isObject):
		f.add(Fault{File: p, Message: "holds no Kubernetes object", Concerns: true}, nil, nil)
	}
}

// concerns reports whether what some folders hold, or what the Kustomizations in them lead to, is a release, source or
// values of a chart of the policy, or makes what one depends on.
func (f *faults) concerns(folders []*overlay.Folder) bool {
	return overlay.Read(f.Declared.Reach(&declare.Kustomization{Folders: folders}).Folders, f.concernsFile)
}

// concernsFile reports whether a file does. Of a kustomization that can't be read, all beside and below it counts, but of an
// empty one only what no other build reads.
func (f *faults) concernsFile(p string) bool {
	isSpegel := func(p string) bool { return f.Tree.File(p).Marks&worktree.Spegel != 0 }
	if isSpegel(p) || f.Tree.File(p).Err != nil || f.Finder.Produces(p) {
		return true
	}
	if !f.Declared.Reader.IsBroken(p) {
		return false
	}
	docs, err := f.Tree.Documents(p)
	isEmpty := err == nil && len(docs) == 0
	return slices.ContainsFunc(f.Tree.Paths(), func(other string) bool {
		return worktree.Within(other, path.Dir(p)) && isSpegel(other) && (!isEmpty || !f.Declared.IsRead(other, nil))
	})
}

// instance adds what is wrong with one Kustomization in its chain, with its build, and with the objects that it emits.
func (f *faults) instance(n *fluxgraph.Instance) {
	_, node := f.Document(n.Of)
	at, word := Fault{File: n.File, By: n, Message: "Kustomization " + substitute.Written(n.Name)}, f.Tree.Mark(n.Of.Text)&worktree.Word != 0
	add := func(message string, err error) {
		at.Message += message
		f.add(at, err, node, "spec", "path")
	}
	switch {
	case n.Problem != "":
		at.Missing, at.Remote = n.Missing, !n.Missing
		at.Concerns = !n.Missing && (n.Spec.SourceRef.Kind == "ExternalArtifact" || word || strings.HasPrefix(n.Problem, "its path holds"))
		add(": "+n.Problem, nil)
	case n.Err != nil && !n.Built:
		at.Concerns, at.Missing = word, true
		add(": ", n.Err)
	case n.Built:
		at.Concerns = f.concerns(n.Folders) || f.Tree.Mark(n.Of.Text)&worktree.Spegel != 0
		in := Fault{By: n, Concerns: at.Concerns}
		f.holes(n.Folders, in)
		if n.Err != nil && !f.broken(n, in) {
			add(" can't be built: ", n.Err)
		}
		for _, o := range n.Objects {
			f.object(o)
		}
		if at.Remote = n.Unfollowed; n.Unfollowed {
			add(": patches are left out, because what they are for may lie in a remote resource", nil)
		}
	}
}

// broken adds the files of a build that are no YAML.
func (f *faults) broken(n *fluxgraph.Instance, in Fault) (found bool) {
	n.Reads(func(p string) bool {
		if _, err := f.Tree.Documents(p); err != nil && yamldoc.IsYAML(p) {
			in.File, found = p, true
			f.add(in, err, nil)
		}
		return false
	})
	return found
}

// object adds why an object can't be judged or followed.
func (f *faults) object(o *fluxgraph.Object) {
	unknownKind := len(substitute.Unknown(o.Kind+o.APIVersion)) > 0 ||
		len(o.Unset) > 0 && o.Kind != "HelmRelease" && strings.Contains(o.Written.Kind+o.Written.APIVersion, "${")
	if o.Err == nil && !unknownKind {
		return
	}
	marks, name := f.Tree.Mark(o.Text), o.Kind+" "+substitute.Written(o.Written.Name)
	file, node := f.Document(o)
	fault := Fault{File: file, By: o.By, Concerns: marks&worktree.Word != 0, Message: name + ": "}
	err := o.Err
	_, unfollowed := errors.AsType[resourceset.Error](err)
	switch {
	case unknownKind:
		fault.Remote, fault.Message, err = true, "holds a variable without a value in its kind or apiVersion, so it is not checked", nil
	case o.Kind == "DaemonSet":
		fault.Concerns = marks&worktree.Spegel != 0
	case o.Kind == "ConfigMap" || o.Kind == "Secret": // a release takes values from it
		fault.Concerns = true
	case o.Kind == "ResourceSet" && (unfollowed || o.By == nil && !f.InFull(o.File) || len(substitute.Unknown(string(substitute.Seal(o.Text)))) > 0):
		fault.Remote, fault.Message = true, name+" can't be followed, so what it builds is not checked: "
	}
	f.add(fault, err, node)
}

// holes adds what some folders name and what is not there.
func (f *faults) holes(folders []*overlay.Folder, in Fault) {
	for _, folder := range folders {
		for _, h := range folder.Holes {
			if h.Remote && h.Shaping && in.Concerns { // said with the release
				continue
			}
			fault := in
			fault.File, fault.Line, fault.Column, fault.Message, fault.Remote = h.File, h.Line, h.Column, h.Problem, h.Remote
			fault.Concerns = in.Concerns || h.Remote && f.Finder.HasWord(h.Path)
			if h.Path != "" {
				fault.Message = h.Field + ": " + h.Path + " " + h.Problem
			}
			if h.Remote {
				fault.Message += ", so what it holds is not checked"
			}
			f.all = append(f.all, fault)
		}
	}
}
