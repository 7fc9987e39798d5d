package locate

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/judge"
)

// occurrence is a text in a file.
type occurrence struct {
	file       string
	start, end int // in its bytes
	marker     string
}

// trial finds the occurrence whose marker stands at the target. All of a text are tried at once, each with a marker of its
// own: first those near to the holder, as they leave most builds as they are, then with those further away; and where
// that breaks the build, or the release is another one then, one after the other.
func (f *Finder) trial(t Target, find *regexp.Regexp, stands func(now any) func(marker string) bool) (Place, bool) {
	f.trials[t.Release]++
	if f.trials[t.Release] > maxTrials {
		return Place{}, false
	}
	var all []occurrence
	for _, near := range f.texts(t) {
		before := len(all)
		for _, in := range near {
			all = f.occurrences(all, in, find)
		}
		if len(all) == before {
			continue
		}
		if p, ok := f.try(t, all, stands); ok {
			return p, true
		}
	}
	for i := 0; len(all) > 1 && i < len(all); i++ {
		if p, ok := f.try(t, all[i:i+1], stands); ok {
			return p, true
		}
	}
	return Place{}, false
}

// try builds with some markers, and is the place of the one that stands at the target.
func (f *Finder) try(t Target, some []occurrence, stands func(now any) func(marker string) bool) (Place, bool) {
	now, ok := f.build(t, some)
	if !ok {
		return Place{}, false
	}
	at := stands(now)
	for _, o := range some {
		if at(o.marker) {
			return f.place(o), true
		}
	}
	return Place{}, false
}

// text is a part of a file.
type text struct {
	file       string
	start, end int
}

// texts are what a target is made of, in three steps: the document of its holder, or what stands behind it; what its build
// reads; and what leads to that, or to the release. Of what nothing builds only the document counts.
func (f *Finder) texts(t Target) (steps [3][]text) {
	own, node := f.graph.Document(t.Holder)
	if node != nil {
		steps[0] = []text{f.document(own, node)}
	}
	n := t.Holder.By
	if n == nil {
		return steps
	}
	reads := map[string]bool{}
	n.Reads(func(p string) bool { reads[p] = true; return false })
	for _, file := range f.graph.Inputs(t.Release, t.Holder, own) {
		in, step := text{file, 0, len(f.read(file))}, 2
		if reads[file] {
			step = 1
		}
		if file == own {
			steps[0][0].end, in.end = in.end, steps[0][0].start
		}
		steps[step] = append(steps[step], in)
	}
	return steps
}

// document is the text of an object in its file.
func (f *Finder) document(file string, node *yaml.Node) text {
	data, begin := f.read(file), 0
	for range node.Line - 1 {
		begin += bytes.IndexByte(data[begin:], '\n') + 1
	}
	end := len(data)
	if i := bytes.Index(data[begin:], []byte("\n---")); i >= 0 {
		end = begin + i + 1
	}
	return text{file, begin, end}
}

// marker stands for the text of one occurrence. It is a valid part of a host, a name and a key.
func marker(i int) string { return fmt.Sprintf("sgm%dx", i) }

// build builds again with markers in the place of some occurrences, and returns the node at the target. Of an object that
// nothing builds, only its own document matters.
func (f *Finder) build(t Target, some []occurrence) (now any, ok bool) {
	if f.graph.Work() > f.most {
		return nil, false
	}
	var holder *fluxgraph.Object
	if t.Holder.By == nil {
		file, node := f.graph.Document(t.Holder)
		in := f.document(file, node)
		text := edited(f.read(file)[in.start:in.end], in.start, some)
		f.most -= len(text)
		blanks := bytes.Repeat([]byte(" "), node.Column-1) // in place of what stands before it in its first line
		holder = f.graph.Reread(t.Holder, slices.Concat(blanks, text[len(blanks):]))
	} else {
		edits := map[string][]byte{}
		for _, o := range some {
			if edits[o.file] == nil {
				edits[o.file] = edited(f.read(o.file), 0, slices.DeleteFunc(slices.Clone(some), func(other occurrence) bool { return other.file != o.file }))
			}
		}
		holder = f.again(t, edits)
	}
	if holder == nil {
		return nil, false
	}
	if now = t.read(holder); len(t.Path) == 0 {
		return now, true
	}
	return certainty.At(now, t.Path)
}

// edited is a text with markers in the place of some occurrences. It begins at a byte of their file.
func edited(text []byte, begin int, some []occurrence) (out []byte) {
	for _, o := range slices.SortedFunc(slices.Values(some), func(a, b occurrence) int { return cmp.Compare(a.start, b.start) }) {
		out = append(append(out, text[:o.start-begin]...), o.marker...)
		text, begin = text[o.end-begin:], o.end
	}
	return append(out, text...)
}

// again is the target's holder in the repository that was edited.
func (f *Finder) again(t Target, edits map[string][]byte) *fluxgraph.Object {
	g, release := f.graph.Edited(edits, t.Release, t.Holder)
	if release == nil || t.Key == "" {
		return release
	}
	var hr helmv2.HelmRelease
	if judge.Decode(release, &hr, "spec.valuesFrom") != nil || t.Index >= len(hr.Spec.ValuesFrom) {
		return nil
	}
	ref := hr.Spec.ValuesFrom[t.Index] // a name with a hash of the content is another one now
	o, _ := g.Find(release, ref.Kind, release.Namespace, ref.Name)
	return o
}

// occurrences adds the places of what an expression finds in a text: the group of it that matches.
func (f *Finder) occurrences(all []occurrence, in text, find *regexp.Regexp) []occurrence {
	data := f.read(in.file)[in.start:in.end]
	f.most -= len(data) / perSearch
	for _, m := range find.FindAllSubmatchIndex(data, -1) {
		if i := 2 + slices.IndexFunc(m[2:], func(at int) bool { return at >= 0 }); i >= 2 && len(all) < maxOccurrences {
			all = append(all, occurrence{in.file, in.start + m[i], in.start + m[i+1], marker(len(all))})
		}
	}
	return all
}

// read is a file of the repository. An error was said where the file was first read.
func (f *Finder) read(file string) []byte {
	data, known := f.files[file]
	if !known {
		data, _ = f.graph.Tree().Read(file)
		f.files[file] = data
	}
	return data
}

// token matches what stands of a token before an occurrence in it: it begins after white space, a bracket, a comma or
// an equals sign, except inside of a variable, and with its quotes.
var token = regexp.MustCompile(`["']*(\$\{[^}\s]*|[^\s\[{,"'=])*$`)

// place is where the token begins that an occurrence is a part of.
func (f *Finder) place(o occurrence) Place {
	data := f.read(o.file)[:o.start]
	line := strings.TrimPrefix(string(data[bytes.LastIndexByte(data, '\n')+1:]), "\ufeff")
	before := line[:token.FindStringIndex(line)[0]]
	return Place{File: o.file, Line: bytes.Count(data, []byte("\n")) + 1, Column: utf8.RuneCountInString(before) + 1}
}
