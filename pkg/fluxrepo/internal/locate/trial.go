package locate

import (
	"bytes"
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
)

// Bounds of the trials: occurrences of one text, and what is built again for all places of a check, as Graph.Work counts
// it. They are no times, so that the same repository always gives the same places.
const (
	maxTrials = 64
	maxWork   = 8 << 20
	perSearch = 32 // bytes are searched while one is built
	perDecode = 8  // are built while one is decoded
)

// marker stands for what is looked for: a valid part of a host, a name and a key.
const marker = "sgm0x"

// occurrence is where what is looked for stands.
type occurrence struct {
	file       string
	start, end int // in its bytes
}

// trial finds the occurrence that makes a marker stand at the target.
func (f *Finder) trial(t Target, find *regexp.Regexp, stands func(now any) bool) (Place, bool) {
	left := maxTrials
	if f.spent() {
		return Place{}, false
	}
	for at := range f.occurrences(t, find) {
		if left == 0 || f.spent() {
			break
		}
		left--
		holder := f.edited(t, at)
		if holder == nil {
			continue
		}
		if now, _ := certainty.At(t.read(holder), t.Path); stands(now) {
			return f.place(at), true
		}
	}
	return Place{}, false
}

// spent reports whether all places of a check have done as much as they may.
func (f *Finder) spent() bool { return f.graph.Work() > f.limit }

// edited is the target's holder in a repository with the marker in it, or nil. Of an object that nothing builds, only its own
// document matters.
func (f *Finder) edited(t Target, at occurrence) (holder *fluxgraph.Object) {
	data := f.read(at.file)
	if t.Holder.By == nil {
		_, node := f.graph.Document(t.Holder)
		begin, end := f.document(t.Holder)
		f.limit -= perDecode * (end - begin)
		doc := slices.Concat(data[begin:at.start], []byte(marker), data[at.end:end])
		copy(doc, bytes.Repeat([]byte(" "), node.Column-1)) // in place of what stands before it in its first line
		return f.graph.Reread(t.Holder, doc)
	}
	edit := slices.Concat(data[:at.start], []byte(marker), data[at.end:])
	_, holder = f.graph.Edited(map[string][]byte{at.file: edit}, t.Holder, t.Release)
	return holder
}

// occurrences finds an expression in what a target is made of: first in the document of its holder and behind it, then in what
// its build reads, and then in what leads to that, or to the release. Of what nothing builds only the document counts.
func (f *Finder) occurrences(t Target, find *regexp.Regexp) iter.Seq[occurrence] {
	var texts []occurrence
	own, node := f.graph.Document(t.Holder)
	if node != nil {
		begin, end := f.document(t.Holder)
		texts = []occurrence{{own, begin, end}, {own, end, len(f.read(own))}, {own, 0, begin}}
	}
	if t.Holder.By == nil {
		texts = texts[:1]
	} else {
		for _, file := range f.graph.Inputs(t.Release, t.Holder) {
			if node == nil || file != own {
				texts = append(texts, occurrence{file, 0, len(f.read(file))})
			}
		}
	}
	return func(yield func(occurrence) bool) {
		for _, in := range texts {
			f.limit -= (in.end - in.start) / perSearch
			for _, m := range find.FindAllSubmatchIndex(f.read(in.file)[in.start:in.end], maxTrials) {
				i := 2 + slices.IndexFunc(m[2:], func(at int) bool { return at >= 0 }) // the group that matches
				if i >= 2 && !yield(occurrence{in.file, in.start + m[i], in.start + m[i+1]}) {
					return
				}
			}
		}
	}
}

// document is where the text of an object begins and ends in its file.
func (f *Finder) document(o *fluxgraph.Object) (begin, end int) {
	file, node := f.graph.Document(o)
	data := f.read(file)
	for range node.Line - 1 {
		begin += bytes.IndexByte(data[begin:], '\n') + 1
	}
	if i := bytes.Index(data[begin:], []byte("\n---")); i >= 0 {
		return begin, begin + i + 1
	}
	return begin, len(data)
}

// read is a file of the repository. An error was said where the file was first read.
func (f *Finder) read(file string) []byte {
	if _, known := f.files[file]; !known {
		f.files[file], _ = f.graph.Tree.Read(file)
	}
	return f.files[file]
}

// token matches what stands of a token before an occurrence in it: it begins after white space, a bracket, a comma or
// an equals sign, except inside of a variable, and with its quotes.
var token = regexp.MustCompile(`["']*(\$\{[^}\s]*|[^\s\[{,"'=])*$`)

// place is where the token begins that an occurrence is a part of.
func (f *Finder) place(at occurrence) Place {
	data := f.read(at.file)[:at.start]
	line := strings.TrimPrefix(string(data[bytes.LastIndexByte(data, '\n')+1:]), "\ufeff")
	before := line[:token.FindStringIndex(line)[0]]
	return Place{File: at.file, Line: bytes.Count(data, []byte("\n")) + 1, Column: utf8.RuneCountInString(before) + 1}
}
