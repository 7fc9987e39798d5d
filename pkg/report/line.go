package report

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
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
		if dir == "" || !filepath.IsAbs(whole) {
			continue
		}
		if rel, err := filepath.Rel(dir, whole); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.ToSlash(filepath.Clean(file))
}

// lines are what is to be said of a release, one line each, for the formats that have no structure.
func (r *Release) lines() []string {
	var out []string
	for i := range r.Findings {
		f := &r.Findings[i]
		out = append(out, join(": ", f.String(), string(f.Severity), f.text()+"; "+f.Fix+"; see "+f.Documentation))
	}
	for i := range r.Unresolved {
		u := &r.Unresolved[i]
		out = append(out, join(": ", u.String(), "unresolved", u.text()+"; see "+u.Documentation))
	}
	for _, p := range r.problems() {
		out = append(out, join(": ", string(validate.Warn), p.text()+"; "+p.Fix+"; see "+p.Documentation))
	}
	return out
}

// text is where, what and which rule.
func (f *Finding) text() string {
	s := join(": ", f.Path, f.Message) + " [" + f.Rule + "]"
	if f.Approximate {
		s += approximate
	}
	return s
}

// text is what and why.
func (u *Unresolved) text() string {
	s := join(": ", u.Object(), u.Reason)
	if u.Approximate {
		s += approximate
	}
	return s
}

// withoutValue is how a reason begins that a variable brings about.
var withoutValue = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\} (?:has no value|is )`)

// fix is a way out, where there is one that the reason does not say: a variable can be handed over.
func (u *Unresolved) fix() string {
	if m := withoutValue.FindStringSubmatch(u.Reason); m != nil {
		return "hand its value over: --var " + m[1] + "=VALUE, or --vars FILE"
	}
	return ""
}

const approximate = " (the exact place could not be told, this is the nearest)"
