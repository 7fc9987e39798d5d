package node

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// recent is how long ago a failed pull still says something about the node as it is.
const recent = time.Hour

// pull is what the log says of one image.
type pull struct {
	image  string
	reason string // of the last failure
	at     time.Time
	failed int
	good   bool // the last pull succeeded
}

func (x *run) criLog(ctx context.Context) Result {
	log, err := x.Files.Log(ctx, nodefs.MaxLog)
	switch {
	case errors.Is(err, nodefs.ErrJournal):
		r := skip("containerd's log is in no file: it is in systemd's journal, which is not text, or Talos keeps it")
		r.Fix = x.distribution(ctx).Log
		return r
	case err != nil:
		return skip("containerd's log %s", nodefs.Reason(err))
	}
	if !regexp.MustCompile(logLine).Match(log.Text) {
		return skip("%s holds no line as containerd writes them", log.Source)
	}
	var f Result
	x.judgePulls(x.pulls(log.Text), &f)
	switch {
	case f.Status == "" && len(f.Evidence) == 0:
		f.add(Pass, "%s has no failed pull from %s", log.Source, few(names(x.targets)))
	case f.Status == "":
		f.add(Pass, "%s has no other failed pull from %s", log.Source, few(names(x.targets)))
	}
	return f
}

// judgePulls judges the last pull of each image.
func (x *run) judgePulls(pulls []*pull, f *Result) {
	for _, p := range pulls {
		switch age := x.now().Sub(p.at); {
		case p.good:
			f.note("%s: %d failed, and then a pull succeeded", p.image, p.failed)
		case p.at.IsZero() || age > recent:
			f.add(Warn, "%s: %d failed, the last one %s: %s", p.image, p.failed, ago(p.at, age), p.reason)
		default:
			f.add(Fail, "%s: %d failed, the last one %s: %s", p.image, p.failed, ago(p.at, age), p.reason)
		}
		if !p.good && strings.HasSuffix(p.reason, "not found") {
			f.fix("if the image exists, \"not found\" may be the answer of Spegel's peers: fix what mirror-config and resolution name")
		}
	}
}

// The lines that containerd's CRI service writes for a pull, at 2.2, as logfmt and as JSON.
const (
	pullLine   = `\bmsg"?[=:]"PullImage \\*"([^"\\]+)\\*" (failed|returns image reference)`
	errorField = `\berror\\?"?[=:]\\?"((?:[^"\\]|\\.)*)`
	logLine    = `\blevel"?[=:]`
	timeField  = `\btime"?[=:]"([^"]+)"`
)

// pulls gathers what the log says of the registries' images, in the order in which they first failed.
func (x *run) pulls(text []byte) []*pull {
	line, because, when := regexp.MustCompile(pullLine), regexp.MustCompile(errorField), regexp.MustCompile(timeField)
	var out []*pull
	for text := range strings.Lines(string(text)) {
		if !strings.Contains(text, "PullImage") {
			continue
		}
		text = text[:min(len(text), 16<<10)]
		m := line.FindStringSubmatch(text)
		if len(m) == 0 || !x.isTarget(m[1]) {
			continue
		}
		name, good := redact.Printable(m[1]), m[2] != "failed"
		i := slices.IndexFunc(out, func(p *pull) bool { return p.image == name })
		if i < 0 && good {
			continue
		}
		if i < 0 {
			i, out = len(out), append(out, &pull{image: name})
		}
		p := out[i]
		if p.good = good; good {
			continue
		}
		p.failed++
		p.at, p.reason = logTime(when, text), "the line names no error"
		if e := because.FindStringSubmatch(text); e != nil {
			p.reason = redact.Line(strings.NewReplacer(`\\\"`, `"`, `\"`, `"`).Replace(e[1]))
		}
	}
	return out
}

func logTime(when *regexp.Regexp, text string) time.Time {
	if m := when.FindStringSubmatch(text); m != nil {
		if at, err := time.Parse(time.RFC3339Nano, m[1]); err == nil {
			return at
		}
	}
	return time.Time{}
}

// isTarget reports whether an image of the log is from one of the registries; also of those that are named by a
// pattern.
func (x *run) isTarget(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return false
	}
	host := reference.Domain(named)
	return x.isPrivate(host) || slices.Contains(x.targets, host)
}

func ago(at time.Time, age time.Duration) string {
	switch {
	case at.IsZero():
		return "at a time that the line does not name"
	case age < time.Minute:
		return "less than a minute ago"
	}
	return age.Round(time.Minute).String() + " ago"
}
