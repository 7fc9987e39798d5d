package report

import (
	"path/filepath"
	"strconv"
	"strings"
)

// join joins the parts that are not empty.
func join(sep string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, sep)
}

// String is file:line:column, as far as known.
func (p Place) String() string {
	s := p.File
	if p.File != "" && p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line)
		if p.Column > 0 {
			s += ":" + strconv.Itoa(p.Column)
		}
	}
	return s
}

// onDisk reports whether the place is in a file and not in a stream.
func (p Place) onDisk() bool { return p.File != "" && p.File != Stdin }

// Stdin is the file name of what was read from standard input.
const Stdin = "<stdin>"

// relative is a file name with forward slashes, relative to the root of the repository where it lies below, as code hosts
// want it; else relative to the working directory, or absolute.
func (o Options) relative(file string) string {
	if file == "" {
		return ""
	}
	whole := file
	if o.Dir != "" && !filepath.IsAbs(whole) {
		whole = filepath.Join(o.Dir, whole)
	}
	for _, dir := range []string{o.Root, o.Dir} {
		if rel, err := filepath.Rel(dir, whole); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.ToSlash(filepath.Clean(file))
}
