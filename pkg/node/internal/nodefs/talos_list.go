package nodefs

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parseList reads what "talosctl list --long" prints: a line of titles, and below each title its column. Which
// columns there are differs from version to version (LABEL came with 1.10), so they are found by their titles.
func parseList(out []byte, now time.Time) ([]Entry, error) {
	first, rest, _ := bytes.Cut(out, []byte("\n"))
	if len(bytes.TrimSpace(first)) == 0 {
		return nil, errors.New("talosctl list --long printed nothing") // a folder lists itself, as "."
	}
	titles := columns(string(first))
	for _, title := range []string{"MODE", "SIZE(B)", "LASTMOD", "NAME"} {
		if _, ok := titles[title]; !ok {
			return nil, errors.New("talosctl list --long printed no column " + title)
		}
	}
	var entries []Entry
	for text := range strings.Lines(string(rest)) {
		if strings.TrimSpace(text) == "" {
			continue
		}
		e, ok := titles.entry(strings.TrimRight(text, "\r\n"), now)
		if !ok {
			return nil, errors.New("talosctl list --long printed a line that does not fit its titles")
		}
		if e.Name != "." {
			entries = append(entries, e)
		}
		if len(entries) > maxEntries {
			return nil, ErrTooMany
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
}

// span is where a column begins and ends; the last one has no end.
type span struct{ from, to int }

type titleSpans map[string]span

func columns(titles string) titleSpans {
	out := titleSpans{}
	last := ""
	for word := range strings.FieldsSeq(titles) {
		from := strings.Index(titles, word)
		if last != "" {
			out[last] = span{out[last].from, from}
		}
		out[word], last = span{from, -1}, word
	}
	return out
}

func (t titleSpans) cell(text, title string) string {
	s := t[title]
	if s.from > len(text) {
		return ""
	}
	if s.to < 0 || s.to > len(text) {
		return text[s.from:]
	}
	return strings.TrimSpace(text[s.from:s.to])
}

func (t titleSpans) entry(text string, now time.Time) (Entry, bool) {
	mode, name := t.cell(text, "MODE"), t.cell(text, "NAME")
	size, err := strconv.ParseInt(t.cell(text, "SIZE(B)"), 10, 64)
	if mode == "" || name == "" || err != nil {
		return Entry{}, false
	}
	e := Entry{Name: name, Size: size, ModTime: listTime(t.cell(text, "LASTMOD"), now)}
	switch mode[0] { // as fs.FileMode prints it
	case '-':
	case 'd':
		e.Type = fs.ModeDir
	case 'L':
		e.Type = fs.ModeSymlink
		e.Name, _, _ = strings.Cut(name, " -> ")
	default:
		e.Type = fs.ModeIrregular
	}
	return e, true
}

// listTime reads a time that has no year if it is less than about six months ago, and no seconds if it
// is more. Not knowing is the zero time.
func listTime(text string, now time.Time) time.Time {
	if at, err := time.Parse("Jan _2 2006 15:04", text); err == nil {
		return at
	}
	// The year is part of what is parsed: without one, the 29th of February is no day.
	for _, year := range []int{now.UTC().Year(), now.UTC().Year() - 1} {
		at, err := time.Parse("2006 Jan _2 15:04:05", strconv.Itoa(year)+" "+text)
		if err == nil && !at.After(now.Add(24*time.Hour)) { // clocks differ
			return at
		}
	}
	return time.Time{}
}
