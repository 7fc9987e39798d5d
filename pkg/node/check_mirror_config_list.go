package node

import (
	"context"
	"maps"
	"net/url"
	"path"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// matchList compares the folders of the directory that Spegel writes with the list that it was given.
func (x *run) matchList(ctx context.Context, dirs []*containerd.HostsDir, f *Result) {
	p, err := x.spegelHere(ctx)
	h := written(dirs, p)
	switch {
	case h.Path == "" || h.Err != nil: // there is none, and that was told
		return
	case err != nil:
		f.note("not compared with Spegel's list: %s", redact.Line(err.Error()))
		return
	case !p.Writes:
		f.note("Spegel writes no hosts files here (containerdMirrorAdd is false)")
		return
	case p.Unread:
		f.note("not compared with Spegel's list, which is in a Secret or ConfigMap")
		return
	}
	want := listed(p)
	var missing, extra []string
	for _, dir := range slices.Sorted(maps.Keys(want)) {
		if !containerd.Has(h.Entries, dir) {
			missing = append(missing, redact.Name(dir))
		}
	}
	for _, e := range h.Entries {
		// A private registry's may hold settings of its own, and Spegel's start would remove it.
		if e.Name != containerd.BackupDir && !e.Type.IsRegular() && !want[e.Name] && !x.isPrivate(containerd.RegistryOf(e.Name)) {
			extra = append(extra, redact.Name(e.Name))
		}
	}
	if len(missing)+len(extra) == 0 {
		f.note("the folders are those of Spegel's list")
		return
	}
	if len(missing) > 0 {
		f.add(Warn, "on the list of DaemonSet %s and without a folder: %s", redact.Name(p.String()), few(missing))
	}
	if len(extra) > 0 {
		f.add(Warn, "a folder, and not on the list of DaemonSet %s: %s", redact.Name(p.String()), few(extra))
	}
	f.fix("%s", x.restart(ctx))
}

// written is the directory that Spegel is told to write, or else the first one.
func written(dirs []*containerd.HostsDir, p *Placement) *containerd.HostsDir {
	for _, d := range dirs {
		if p.HostsDir != "" && d.Path == path.Clean(p.HostsDir) {
			return d
		}
	}
	if len(dirs) > 0 {
		return dirs[0]
	}
	return &containerd.HostsDir{}
}

// listed are the folders that Spegel makes for its list.
func listed(p *Placement) map[string]bool {
	dirs := map[string]bool{}
	for _, m := range p.Mirrors {
		dirs[mirrorDir(m)] = true
	}
	if p.Everything() {
		dirs[containerd.DefaultDir] = true
	}
	return dirs
}

// mirrorDir is the folder that Spegel makes for an entry of its list.
func mirrorDir(entry string) string {
	if entry == "*" || entry == containerd.DefaultDir {
		return containerd.DefaultDir
	}
	if u, err := url.Parse(entry); err == nil && u.Host != "" {
		return u.Host
	}
	return entry
}
