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

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/judge"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// occurrence is a text in a file.
type occurrence struct {
	file       string
	start, end int // in its bytes
	marker     string
}

// trial finds the occurrence whose marker stands at the target. Those near to the holder are tried at once, each with a
// marker of its own, as they leave most builds as they are; then all of them; and where that breaks the build, or the
// release is another one then, one after the other.
func (f *Finder) trial(t Target, find *regexp.Regexp, stands func(now any) func(marker string) bool) (Place, bool) {
	f.trials[t.Release]++
	if f.trials[t.Release] > maxTrials || f.graph.Work() > f.most {
		return Place{}, false
	}
	all, near := f.occurrences(t, find)
	tries := [][]occurrence{all}
	if near > 0 && near < len(all) {
		tries = [][]occurrence{all[:near], all}
	}
	if len(all) > 1 {
		tries = slices.AppendSeq(tries, slices.Chunk(all, 1))
	}
	for _, some := range tries {
		now, ok := f.build(t, some)
		if !ok {
			continue
		}
		stands := stands(now)
		for _, o := range some {
			if stands(o.marker) {
				return f.place(o), true
			}
		}
	}
	return Place{}, false
}

// extent is where the lines of an object begin and end in the bytes of its file.
func (f *Finder) extent(file string, node *yaml.Node) (start, end int) {
	of, known := f.extents[file]
	if !known {
		of = map[*yaml.Node][2]int{}
		f.extents[file] = of
		docs, _ := f.graph.Tree().Documents(file) // it was read
		objects := yamldoc.Objects(docs)
		data, line, at := f.read(file), 1, 0
		for i, o := range objects {
			for ; line < o.Line; line++ {
				at += bytes.IndexByte(data[at:], '\n') + 1
			}
			of[o] = [2]int{at, len(data)}
			if i > 0 {
				of[objects[i-1]] = [2]int{of[objects[i-1]][0], at}
			}
		}
	}
	return of[node][0], of[node][1]
}

// marker stands for the text of one occurrence. It is a valid part of a host, a name and a key.
func marker(i int) string { return fmt.Sprintf("sgm%dx", i) }

// build builds again with markers in the place of some occurrences, and returns the node at the target. Of an object that
// nothing builds, only its own document matters.
func (f *Finder) build(t Target, some []occurrence) (now any, ok bool) {
	if len(some) == 0 || f.graph.Work() > f.most {
		return nil, false
	}
	var holder *fluxgraph.Object
	if t.Holder.By == nil {
		file, node := f.graph.Document(t.Holder)
		begin, end := f.extent(file, node)
		text := edited(f.read(file)[begin:end], begin, some)
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
	return t.value(holder)
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

// occurrences are the places of a text in the inputs of a target, the nearest first: those in the document of the holder
// or behind it, of which there are first, then the others of its file and those of other files. A group of the expression
// that finds them is the text.
func (f *Finder) occurrences(t Target, find *regexp.Regexp) (all []occurrence, first int) {
	var near, far []occurrence
	own, node := f.graph.Document(t.Holder)
	begin, end := f.extent(own, node)
	files := []string{own}
	if t.Holder.By != nil {
		files = f.graph.Inputs(t.Release, t.Holder, own)
	}
	for _, file := range files {
		data, at := f.read(file), 0
		if t.Holder.By == nil {
			data, at = data[begin:end], begin
		}
		f.most -= len(data) / perSearch
		for _, m := range find.FindAllSubmatchIndex(data, -1) {
			i := 2 + slices.IndexFunc(m[2:], func(at int) bool { return at >= 0 })
			if i < 2 {
				continue
			}
			list := &far
			if file == own && at+m[i] >= begin {
				list = &near
			}
			if len(*list) < maxOccurrences {
				*list = append(*list, occurrence{file: file, start: at + m[i], end: at + m[i+1]})
			}
		}
	}
	all = slices.Concat(near, far)
	all = all[:min(len(all), maxOccurrences)]
	for i := range all {
		all[i].marker = marker(i)
	}
	return all, len(near)
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
