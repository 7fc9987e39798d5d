package locate

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/fluxgraph"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// occurrence is a text in a file.
type occurrence struct {
	file       string
	start, end int  // in its bytes
	near       bool // in the document of the holder itself
}

// marker stands for the text of one occurrence. It is a valid part of a host, a name and a key.
func marker(i int) string { return fmt.Sprintf("sgm%dx", i) }

// trial finds the occurrence whose marker stands at the target. All are tried at once at first, each with a marker of
// its own; where that breaks the build, or the release is another one then, one after the other.
func (f *Finder) trial(t Target, find func([]byte) [][]int, stands func(now any, marker string) bool) (Place, bool) {
	f.trials[t.Release]++
	if f.trials[t.Release] > 2*maxTrials {
		return Place{}, false
	}
	if t.Holder.By == nil {
		return f.inDocument(t, find, stands)
	}
	all := f.occurrences(t, find)
	if len(all) == 0 {
		return Place{}, false
	}
	if now, ok := f.build(t, all, 0); ok || len(all) == 1 {
		for i, o := range all {
			if stands(now, marker(i)) {
				return f.place(o), true
			}
		}
		if len(all) == 1 {
			return Place{}, false
		}
	}
	for i, o := range all {
		if now, ok := f.build(t, all[i:i+1], i); ok && stands(now, marker(i)) {
			return f.place(o), true
		}
	}
	return Place{}, false
}

// build builds again with markers in the place of some occurrences, and returns the node at the target.
func (f *Finder) build(t Target, at []occurrence, first int) (now any, ok bool) {
	if f.work > maxWork {
		return nil, false
	}
	edits := map[string][]byte{}
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(at[b].start, at[a].start) }) // those before one stay where they are
	for _, i := range order {
		o := at[i]
		data, done := edits[o.file]
		if !done {
			data = f.linesOf(o.file).data
		}
		edits[o.file] = slices.Concat(data[:o.start], []byte(marker(first+i)), data[o.end:])
	}
	f.work += f.cost(t, edits)
	g, release := f.graph.Edited(edits, t.Release, t.Holder)
	if release == nil {
		return nil, false
	}
	holder := t.again(g, release)
	if holder == nil {
		return nil, false
	}
	return t.value(holder)
}

// cost is about how much is built again.
func (f *Finder) cost(t Target, edits map[string][]byte) int {
	total := 64 << 10
	for _, data := range edits {
		total += len(data)
	}
	for _, o := range []*fluxgraph.Object{t.Release, t.Holder} {
		if o.By != nil {
			o.By.Files(func(p string) bool { total += f.graph.Tree().Size(p); return true })
		}
	}
	return total
}

// occurrences are the places of a text in the inputs of a target, the nearest first.
func (f *Finder) occurrences(t Target, find func([]byte) [][]int) (out []occurrence) {
	own := t.Holder.File
	var first, last int // the lines of the holder's own document
	if file, node := f.graph.Document(t.Holder); node != nil {
		own, first = file, node.Line
		last = f.next(file, first)
	}
	for _, file := range f.graph.Inputs(t.Release, t.Holder, own) {
		if f.graph.Tree().Size(file) > 4<<20 {
			continue
		}
		data := f.linesOf(file).data
		u := yamldoc.Unescape(data)
		line, at := 1, 0
		for _, m := range find(u.Text) {
			start, end := u.Written(m[0], m[1])
			line += bytes.Count(data[at:start], []byte("\n"))
			at = start
			near := file == own && line >= first && line < last
			if out = append(out, occurrence{file, start, end, near}); len(out) > 1<<16 {
				break
			}
		}
	}
	slices.SortStableFunc(out, func(a, b occurrence) int { return cmp.Compare(rank(b), rank(a)) })
	return out[:min(len(out), maxTrials)]
}

func rank(o occurrence) int {
	if o.near {
		return 1
	}
	return 0
}

// next is the line at which the object after one begins in its file.
func (f *Finder) next(file string, line int) int {
	l := f.linesOf(file)
	if l.objects == nil {
		docs, _ := f.graph.Tree().Documents(file) // it was read
		for _, d := range yamldoc.Objects(docs) {
			l.objects = append(l.objects, d.Line)
		}
		slices.Sort(l.objects)
	}
	if i, _ := slices.BinarySearch(l.objects, line+1); i < len(l.objects) {
		return l.objects[i]
	}
	return 1 << 30
}

// lines are a file, where its lines begin, and in which of them its objects do.
type lines struct {
	data            []byte
	starts, objects []int
}

func (f *Finder) linesOf(file string) *lines {
	if l, known := f.lines[file]; known {
		return l
	}
	data, _ := f.graph.Tree().Read(file) // it was read
	l := &lines{data: data, starts: []int{0}}
	f.lines[file] = l
	for i, c := range data {
		if c == '\n' {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// inDocument is trial for an object that nothing builds: only its own document matters.
func (f *Finder) inDocument(t Target, find func([]byte) [][]int, stands func(now any, marker string) bool) (Place, bool) {
	file, node := f.graph.Document(t.Holder)
	if node == nil {
		return Place{}, false
	}
	data, starts := f.linesOf(file).data, f.linesOf(file).starts
	start, end := starts[node.Line-1]+node.Column-1, len(data)
	if next := f.next(file, node.Line); next <= len(starts) {
		end = starts[next-1]
	}
	if start >= end {
		return Place{}, false
	}
	blanks := bytes.Repeat([]byte(" "), node.Column-1) // what stands before it in its first line
	u := yamldoc.Unescape(data[start:end])
	for i, m := range find(u.Text) {
		if f.work += end - start; i == maxTrials || f.work > maxWork {
			break
		}
		from, to := u.Written(m[0], m[1])
		o := f.graph.Reread(t.Holder, slices.Concat(blanks, data[start:start+from], []byte(marker(i)), data[start+to:end]))
		if o == nil {
			continue
		}
		if now, ok := t.value(o); ok && stands(now, marker(i)) {
			return f.place(occurrence{file: file, start: start + from, end: start + to}), true
		}
	}
	return Place{}, false
}

// place is where the token begins that an occurrence is a part of.
func (f *Finder) place(o occurrence) Place {
	data := f.linesOf(o.file).data
	begin := bytes.LastIndexByte(data[:o.start], '\n') + 1
	line := string(data[begin:o.start])
	if after, ok := strings.CutPrefix(line, "\ufeff"); ok {
		line = after
	}
	from := len(line)
	for from > 0 && !begins(line[:from]) {
		from--
	}
	for from > 0 && strings.ContainsRune("\"'", rune(line[from-1])) && !strings.HasSuffix(line[:from], "\\\"") {
		from--
	}
	row, found := slices.BinarySearch(f.linesOf(o.file).starts, o.start)
	if found {
		row++
	}
	return Place{File: o.file, Line: row, Column: utf8.RuneCountInString(line[:from]) + 1}
}

// begins reports whether a token begins after a part of a line.
func begins(before string) bool {
	last := before[len(before)-1]
	switch {
	case strings.HasSuffix(before, "${"):
		return false
	case last == '=':
		return !strings.Contains(before, "${")
	}
	return strings.ContainsRune(" \t[{,\"'", rune(last))
}

// Within reports whether a place lies in a folder.
func (p Place) Within(folder string) bool { return worktree.Within(p.File, folder) }
