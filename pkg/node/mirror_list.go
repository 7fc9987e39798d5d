package node

import (
	"context"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
)

// matchList compares the folders of the directory that Spegel writes with the list that it was given.
func (x *exam) matchList(ctx context.Context, dirs []*hostsDir, f *finding) {
	p, err := x.spegelHere(ctx)
	h := written(dirs, p)
	switch {
	case h.path == "" || h.err != nil: // there is none, and that was told
		return
	case err != nil:
		f.note("not compared with Spegel's list: %s", line(err.Error()))
		return
	case !p.Writes:
		f.note("Spegel writes no hosts files here (containerdMirrorAdd is false)")
		return
	}
	want := map[string]bool{}
	for _, m := range p.Mirrors {
		want[mirrorDir(m)] = true
	}
	if p.Everything() {
		want[defaultDir] = true
	}
	var missing, extra []string
	for _, dir := range slices.Sorted(maps.Keys(want)) {
		if !has(h.entries, dir) {
			missing = append(missing, shownName(dir))
		}
	}
	for _, e := range h.entries {
		// A private registry's may hold settings of its own, and Spegel's start would remove it.
		if e.Name != backupDir && !e.Type.IsRegular() && !want[e.Name] && !x.isPrivate(registryOf(e.Name)) {
			extra = append(extra, shownName(e.Name))
		}
	}
	if len(missing)+len(extra) == 0 {
		f.note("the folders are those of Spegel's list")
		return
	}
	if len(missing) > 0 {
		f.add(Warn, "on the list of DaemonSet %s and without a folder: %s", shownName(p.String()), few(missing))
	}
	if len(extra) > 0 {
		f.add(Warn, "a folder, and not on the list of DaemonSet %s: %s", shownName(p.String()), few(extra))
	}
	f.mend("%s", x.restart())
}

// written is the directory that Spegel is told to write, or else the first one.
func written(dirs []*hostsDir, p *Placement) *hostsDir {
	for _, d := range dirs {
		if p.HostsDir != "" && d.path == path.Clean(p.HostsDir) {
			return d
		}
	}
	if len(dirs) > 0 {
		return dirs[0]
	}
	return &hostsDir{}
}

// mirrorDir is the folder that Spegel makes for an entry of its list.
func mirrorDir(entry string) string {
	if entry == "*" || entry == defaultDir {
		return defaultDir
	}
	if u, err := url.Parse(entry); err == nil && u.Host != "" {
		return u.Host
	}
	return entry
}

func has(entries []Entry, name string) bool {
	return slices.ContainsFunc(entries, func(e Entry) bool { return e.Name == name })
}

func orNothing(dirs []string) string {
	if len(dirs) == 0 {
		return "no hosts directory"
	}
	return shownPath(strings.Join(dirs, ":"))
}
