package talosctl

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
)

// parseList reads what "talosctl list --long" prints: a line of titles, and below each title its column. Which
// columns there are differs from version to version (LABEL came with 1.10), so they are found by their titles.
func parseList(out []byte, now time.Time) ([]nodefs.Entry, error) {
	titles, rest, _ := strings.Cut(string(out), "\n")
	if strings.TrimSpace(titles) == "" {
		return nil, errors.New("talosctl list --long printed nothing") // a folder lists itself, as "."
	}
	columns := strings.Fields(titles)
	for _, title := range []string{"MODE", "SIZE(B)", "LASTMOD", "NAME"} {
		if !slices.Contains(columns, title) {
			return nil, errors.New("talosctl list --long printed no column " + title)
		}
	}
	var entries []nodefs.Entry
	for text := range strings.Lines(rest) {
		if strings.TrimSpace(text) == "" {
			continue
		}
		cell := func(title string) string {
			next := slices.Index(columns, title) + 1
			from, to := strings.Index(titles, title), len(text)
			if next < len(columns) {
				to = strings.Index(titles, columns[next])
			}
			return strings.TrimSpace(text[min(from, len(text)):min(to, len(text))])
		}
		mode, name := cell("MODE"), cell("NAME")
		size, err := strconv.ParseInt(cell("SIZE(B)"), 10, 64)
		if mode == "" || name == "" || err != nil {
			return nil, errors.New("talosctl list --long printed a line that does not fit its titles")
		}
		e := nodefs.Entry{Name: name, Size: size, ModTime: listTime(cell("LASTMOD"), now), Type: fs.ModeIrregular}
		switch mode[0] { // as fs.FileMode prints it
		case '-':
			e.Type = 0
		case 'd':
			e.Type = fs.ModeDir
		case 'L':
			e.Type = fs.ModeSymlink
			e.Name, _, _ = strings.Cut(name, " -> ")
		}
		if e.Name != "." {
			entries = append(entries, e)
		}
		if len(entries) > nodefs.MaxEntries {
			return nil, nodefs.ErrTooMany
		}
	}
	slices.SortFunc(entries, func(a, b nodefs.Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
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
