package locate

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
)

// Bounds of the trials: texts for one release, occurrences of one, and what is built again for all places of a check, as
// Graph.Work counts it. They are no times, so that the same repository always gives the same places.
const (
	maxTrials      = 128
	maxOccurrences = 64
	maxWork        = 8 << 20
	perSearch      = 32 // bytes are searched while one is built
)

// text is a part of a file.
type text struct {
	file       string
	start, end int // in its bytes
}

// occurrence is one of what is looked for, and what stands for it in a trial.
type occurrence struct {
	text
	marker string
}

// marker matches what stands for occurrences: a valid part of a host, a name and a key.
var marker = regexp.MustCompile(`sgm\d+x`)

// standing are the markers in the keys and scalars of a node.
func standing(now any) []string { return marker.FindAllString(fmt.Sprint(now), -1) }

// trial finds the occurrence whose marker stands at the target. All of a text are tried at once, each with a marker of its
// own: first those near to the holder, as they leave most builds as they are, then with those further away; and where
// that breaks the build, one after the other.
func (f *Finder) trial(t Target, find *regexp.Regexp, standing func(now any) (markers []string)) (Place, bool) {
	f.trials[t.Release]++
	if f.trials[t.Release] > maxTrials || f.spent() {
		return Place{}, false
	}
	var all []occurrence
	for _, texts := range f.texts(t) {
		if more := f.occurrences(all, texts, find); len(more) > len(all) {
			all = more
			if p, ok := f.try(t, all, standing); ok {
				return p, true
			}
		}
	}
	if len(all) > 1 {
		for one := range slices.Chunk(all, 1) {
			if p, ok := f.try(t, one, standing); ok {
				return p, true
			}
		}
	}
	return Place{}, false
}

// spent reports whether all places of a check have done as much as they may.
func (f *Finder) spent() bool { return f.graph.Work() > f.most }

// try builds with markers in the place of some occurrences, and is the place of the first that stands at the target.
func (f *Finder) try(t Target, some []occurrence, standing func(now any) (markers []string)) (Place, bool) {
	if len(some) == 0 || f.spent() {
		return Place{}, false
	}
	edits := map[string][]byte{}
	for _, o := range slices.SortedFunc(slices.Values(some), func(a, b occurrence) int { return cmp.Compare(b.start, a.start) }) {
		all, begun := edits[o.file]
		if !begun {
			all = f.read(o.file)
		}
		edits[o.file] = slices.Concat(all[:o.start], []byte(o.marker), all[o.end:])
	}
	holder := f.edited(t, edits)
	if holder == nil {
		return Place{}, false
	}
	now, _ := certainty.At(t.read(holder), t.Path)
	markers := standing(now)
	i := slices.IndexFunc(some, func(o occurrence) bool { return slices.Contains(markers, o.marker) })
	if i < 0 {
		return Place{}, false
	}
	return f.place(some[i]), true
}

// edited is the target's holder in the repository with an edit, or nil. Of an object that nothing builds, only its own document
// matters.
func (f *Finder) edited(t Target, edits map[string][]byte) (holder *fluxgraph.Object) {
	if t.Holder.By != nil {
		_, holder = f.graph.Edited(edits, t.Holder, t.Release)
		return holder
	}
	file, node := f.graph.Document(t.Holder)
	in, longer := f.document(file, node), len(edits[file])-len(f.read(file))
	doc := edits[file][in.start : in.end+longer]
	f.most -= len(doc)
	blanks := bytes.Repeat([]byte(" "), node.Column-1) // in place of what stands before it in its first line
	return f.graph.Reread(t.Holder, slices.Concat(blanks, doc[len(blanks):]))
}

// texts are what a target is made of, in three steps: the document of its holder, and what stands behind it; what its build
// reads; and what leads to that, or to the release. Of what nothing builds only the document counts.
func (f *Finder) texts(t Target) (steps [3][]text) {
	own, node := f.graph.Document(t.Holder)
	if node != nil {
		steps[0] = []text{f.document(own, node)}
	}
	if t.Holder.By == nil {
		return steps
	}
	reads := map[string]bool{}
	t.Holder.By.Reads(func(p string) bool { reads[p] = true; return false })
	for _, file := range f.graph.Inputs(t.Release, t.Holder, own) {
		in, step := text{file, 0, len(f.read(file))}, 2
		if reads[file] {
			step = 1
		}
		if file == own && node != nil {
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

// occurrences adds the places of what an expression finds in some texts: the group of it that matches.
func (f *Finder) occurrences(all []occurrence, texts []text, find *regexp.Regexp) []occurrence {
	for _, in := range texts {
		data := f.read(in.file)[in.start:in.end]
		f.most -= len(data) / perSearch
		for _, m := range find.FindAllSubmatchIndex(data, -1) {
			if i := 2 + slices.IndexFunc(m[2:], func(at int) bool { return at >= 0 }); i >= 2 && len(all) < maxOccurrences {
				all = append(all, occurrence{text{in.file, in.start + m[i], in.start + m[i+1]}, fmt.Sprintf("sgm%dx", len(all))})
			}
		}
	}
	return all
}

// read is a file of the repository. An error was said where the file was first read.
func (f *Finder) read(file string) []byte {
	data, known := f.files[file]
	if !known {
		data, _ = f.graph.Tree.Read(file)
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
