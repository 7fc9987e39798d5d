// Package fault lists what could not be done in a repository.
//
// In comes what its clusters build, finished, and what of it can't be judged; out goes each thing that could not be read,
// built or followed, with its place, and whether a release of Spegel could come from there: only then does it count. The
// package must never build or change anything. Of the project it may import fluxgraph and what that does.
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
	// Concerns says that a release of Spegel could come from there.
	Concerns bool
	// Remote says that something lies elsewhere, and so was not followed, which is no failure.
	Remote bool
}

// Options say which faults are asked for, and which count.
type Options struct {
	// Asked reports whether a file is asked for: faults in it are, and those of a build that reads it, or that leads to one.
	Asked func(file string) bool
	// Unbuilt says that there is a release that nothing builds: a Kustomization that is not there could.
	Unbuilt bool
	// Wrong are the objects that can't be judged, with the reason.
	Wrong []*fluxgraph.Object
}

// All are those of a repository, in no order.
func All(g *fluxgraph.Graph, o Options) map[Fault]bool {
	f := &faults{Graph: g, o: o, asked: map[*fluxgraph.Instance]bool{}, all: map[Fault]bool{}}
	for _, n := range g.Instances {
		isAsked := slices.ContainsFunc(n.Files(), o.Asked)
		for _, up := range n.Chain() {
			f.asked[up] = f.asked[up] || isAsked
		}
	}
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
	for _, o := range slices.Concat(g.Loose, o.Wrong) {
		f.object(o)
	}
	for _, d := range g.Declared.All {
		f.holes(nil, d.Folders, f.concerns(d.Folders))
	}
	return f.all
}

type faults struct {
	*fluxgraph.Graph

	o     Options
	asked map[*fluxgraph.Instance]bool // it, or what it leads to, reads what is asked for
	all   map[Fault]bool
}

// add adds a fault with what an error says, where that says or else at a field of an object.
func (f *faults) add(by *fluxgraph.Instance, fault Fault, err error, object *yaml.Node, field ...any) {
	if !f.asked[by] && !f.o.Asked(fault.File) {
		return
	}
	if bad, ok := errors.AsType[*yamldoc.FieldError](err); ok {
		field = yamldoc.Steps(bad.Field)
	}
	if bad, ok := errors.AsType[*substitute.ExpressionError](err); ok && object != nil {
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
	f.all[fault] = true
}

// file adds what is wrong with a file.
func (f *faults) file(file *worktree.File) {
	const release = worktree.Release | worktree.Word
	p, marks := file.Path, file.Marks
	if file.Err != nil {
		f.add(nil, Fault{File: p, Concerns: marks&worktree.Spegel != 0}, file.Err, nil)
		return
	}
	isNeeded := f.Finder.Produces(p)
	objects := file.Asked || isNeeded || marks&worktree.Kustomization != 0 || marks&release == release
	if !objects || !file.IsManifest() || file.IsKustomization() {
		return
	}
	if docs, err := f.Tree.Documents(p); err != nil {
		f.add(nil, Fault{File: p, Concerns: isNeeded || f.counts(file)}, err, nil)
	} else if file.Asked && !f.Declared.IsRead(p, nil) && !slices.ContainsFunc(docs, isObject) {
		f.add(nil, Fault{File: p, Message: "holds no Kubernetes object", Concerns: true}, nil, nil)
	}
}

// counts reports whether a file has to be read.
func (f *faults) counts(file *worktree.File) bool {
	spegels, kustomizations := file.Marks&worktree.Spegel != 0, file.Marks&worktree.Kustomization != 0
	return file.Asked || spegels && (f.Declared.IsRead(file.Path, nil) || f.InFull(file.Path)) || kustomizations && f.o.Unbuilt
}

func isObject(d *yaml.Node) bool {
	return yamldoc.Text(d, "kind") != "" && yamldoc.Text(d, "apiVersion") != ""
}

// concerns reports whether a release of Spegel could come from some folders, or from what a Kustomization in them leads to: out of
// what they hold, what a release depends on, or what lies beside a file that is missing, where nothing builds it.
func (f *faults) concerns(folders []*overlay.Folder) bool {
	const spegels = worktree.Spegel | worktree.Release
	folders = f.Declared.Reach(&declare.Kustomization{Folders: folders}).Folders
	return slices.ContainsFunc(overlay.Files(folders...), func(p string) bool {
		return f.Tree.File(p).Marks&worktree.Spegel != 0 || f.Tree.File(p).Err != nil || f.Finder.Produces(p)
	}) || slices.ContainsFunc(folders, func(folder *overlay.Folder) bool {
		return slices.ContainsFunc(folder.Holes, func(h overlay.Hole) bool {
			if h.Path == "" { // it can't be read
				return f.o.Unbuilt
			}
			at, ok := worktree.Resolve(folder.Dir, h.Path)
			return !h.Remote && ok && slices.ContainsFunc(f.Tree.Below(path.Dir(at)), func(p string) bool {
				return f.Tree.File(p).Marks&spegels == spegels && !f.Declared.IsRead(p, nil)
			})
		})
	})
}

// instance adds what is wrong with one Kustomization in its chain, with its build, and with the objects that it emits.
func (f *faults) instance(n *fluxgraph.Instance) {
	wanted := worktree.Word
	if n.Built {
		wanted = worktree.Spegel
	}
	concerns := f.concerns(n.Folders) || f.Tree.Mark(n.Self.Text)&wanted != 0
	add := func(message string, err error, concerns, remote bool) {
		_, node := f.Document(n.Self)
		message = "Kustomization " + substitute.Written(n.Name) + message
		f.add(n, Fault{File: n.File, Message: message, Concerns: concerns, Remote: remote}, err, node, "spec", "path")
	}
	switch {
	case n.Missing:
		add(": "+n.Problem, nil, f.o.Unbuilt, false)
	case n.Problem != "":
		unknown := n.Spec.SourceRef.Kind == "ExternalArtifact" || strings.HasPrefix(n.Problem, "its path holds")
		add(": "+n.Problem, nil, concerns || unknown, true)
	case n.Err != nil && !n.Built:
		add(": ", n.Err, concerns || f.o.Unbuilt, false)
	case n.Err != nil && !f.broken(n, concerns):
		add(" can't be built: ", n.Err, concerns, false)
	}
	if n.Built {
		f.holes(n, n.Folders, concerns)
	}
	for _, o := range n.Objects {
		f.object(o)
	}
}

// broken adds the files of a build that are no YAML.
func (f *faults) broken(n *fluxgraph.Instance, concerns bool) (found bool) {
	for _, p := range n.Files() {
		if _, err := f.Tree.Documents(p); err != nil && yamldoc.IsYAML(p) {
			found = true
			f.add(n, Fault{File: p, Concerns: concerns}, err, nil)
		}
	}
	return found
}

// object adds why an object can't be judged or followed. A release takes values from the ConfigMaps and Secrets among them.
func (f *faults) object(o *fluxgraph.Object) {
	unknownKind := o.Kind == "" || len(substitute.Unknown(o.Kind+o.APIVersion)) > 0
	if o.Err == nil && !unknownKind {
		return
	}
	file, node := f.Document(o)
	wanted := worktree.Word
	if o.Kind == "DaemonSet" { // others have such flags, too
		wanted = worktree.Spegel
	}
	fault := Fault{File: file, Concerns: f.Tree.Mark(o.Text)&wanted != 0 || o.Kind == "ConfigMap" || o.Kind == "Secret"}
	fault.Message = o.Kind + " " + substitute.Written(o.Written.Name) + ": "
	err := o.Err
	_, unfollowed := errors.AsType[resourceset.Error](err)
	switch {
	case unknownKind:
		fault.Remote, fault.Message, err = true, "holds a variable without a value in its kind or apiVersion, so it is not checked", nil
	case o.Kind == "ResourceSet" && (unfollowed || o.By == nil && !f.InFull(o.File) || len(substitute.Unknown(string(substitute.Seal(o.Text)))) > 0):
		fault.Remote, fault.Message = true, strings.TrimSuffix(fault.Message, ": ")+" can't be followed, so what it builds is not checked: "
	}
	f.add(o.By, fault, err, node)
}

// holes adds what some folders name and what is not there.
func (f *faults) holes(by *fluxgraph.Instance, folders []*overlay.Folder, concerns bool) {
	for _, folder := range folders {
		for _, h := range folder.Holes {
			if h.Remote && h.Shaping && concerns { // said with the release
				continue
			}
			message := h.Problem
			if h.Path != "" {
				message = h.Field + ": " + h.Path + " " + message
			}
			if h.Remote {
				message += ", so what it holds is not checked"
			}
			f.add(by, Fault{h.File, h.Line, h.Column, message, concerns || h.Remote && f.Finder.HasWord(h.Path), h.Remote}, nil, nil)
		}
	}
}
