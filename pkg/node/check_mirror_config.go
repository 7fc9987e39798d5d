package node

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
)

// maxHostsFiles is how many hosts files are read. Through talosctl each of them is a call; those of
// private registries and _default come first, and of the others only a mistake would be told.
const maxHostsFiles = 100

func mirrorConfig() Check {
	return Check{
		ID:    "mirror-config",
		Title: "Does the node send containerd to Spegel for a private registry?",
		Reads: "containerd's hosts directory: `/etc/cri/conf.d/hosts` on Talos, `/etc/containerd/certs.d` elsewhere, or the one that Spegel's DaemonSet or containerd's configuration names; and the list that Spegel's pod on the node was given",
		Why:   "containerd reads `<registry>/hosts.toml`, or else `_default/hosts.toml`, and asks the mirrors in it before the registry. Spegel writes `_default` when it has no list. Its peers don't have a private image and answer \"not found\", and that is the error that a pod shows, whatever else went wrong after it.",
		Fails: "It fails if a `_default`, or the folder of a private registry, points at Spegel. It warns about a file that containerd can't read, about folders that don't match Spegel's list, and about a hosts file of a private registry that Spegel moved to `_backup`.",
		Mend:  "List the registries to mirror in `spegel.mirroredRegistries` and restart Spegel; on one node, as a stopgap, remove the folder. containerd reads the directory anew for every pull.",
		Limits: "Spegel is told by how it writes itself: plain HTTP, and the chart's ports, or a loopback address, or an address with a `dial_timeout` of 200ms. With another port and an older Spegel it may look like somebody else's mirror. " +
			"A private registry that nobody names is not known to be private.",
		run: func(ctx context.Context, x *exam) Result { return x.mirrorConfig(ctx) },
	}
}

func (x *exam) mirrorConfig(ctx context.Context) Result {
	if x.Files == nil {
		return skip(noNode)
	}
	h := x.hostsDirectory(ctx)
	var f finding
	switch {
	case errors.Is(h.err, fs.ErrNotExist):
		return x.noHostsDir(ctx, h)
	case h.err != nil:
		return skip("%s (%s) %s", h.path, h.from, reason(h.err))
	}
	f.add(Pass, "the hosts directory is %s (%s), with %d entries", h.path, h.from, len(h.entries))
	if h.reads != nil && !slices.Contains(h.reads, h.path) {
		f.add(Warn, "containerd is told to read %s, not %s", orNothing(h.reads), h.path)
		f.mend("set config_path of containerd's registry configuration to %s, or Spegel's containerdRegistryConfigPath to what containerd reads", h.path)
	}
	x.hostsFiles(ctx, h, &f)
	x.displaced(ctx, h, &f)
	x.matchList(ctx, h, &f)
	return f.Result
}

// noHostsDir tells a node without a hosts directory from an archive or a mount that lacks it.
func (x *exam) noHostsDir(ctx context.Context, h *hostsDir) Result {
	if h.from == "where it usually is" && !x.hasContainerd(ctx) {
		return skip("what can be read of the node has no folder of containerd's configuration, so there is no hosts directory to judge")
	}
	if h.path == "" {
		r := Result{Status: Pass, Evidence: []string{"containerd reads no hosts directory (" + h.from + "): it asks each registry itself, and Spegel is never asked"}}
		if p, err := x.spegel(ctx); err == nil && p.Writes {
			r.Status, r.Fix = Warn, "set config_path of containerd's registry configuration to what Spegel writes, "+shownName(p.HostsDir)
		}
		return r
	}
	return Result{Status: Pass, Evidence: []string{h.path + " (" + h.from + ") does not exist: containerd asks each registry itself"}}
}

func (x *exam) hasContainerd(ctx context.Context) bool {
	return slices.ContainsFunc(append(knownHostsDirs(), containerdConfigs()...), func(name string) bool {
		entries, err := x.Files.ReadDir(ctx, path.Dir(name))
		return err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist)
	})
}

// hostsFiles judges the files, _default and private registries first.
func (x *exam) hostsFiles(ctx context.Context, h *hostsDir, f *finding) {
	var first, others []string
	for _, e := range h.entries {
		switch {
		case e.Name == backupDir || e.Type.IsRegular():
		case e.Name == defaultDir || x.isPrivate(registryOf(e.Name)):
			first = append(first, e.Name)
		default:
			others = append(others, e.Name)
		}
	}
	all := slices.Concat(first, others)
	for _, dir := range all[:min(len(all), max(maxHostsFiles, len(first)))] {
		x.judgeHostsFile(ctx, h, dir, f)
	}
	if left := len(all) - max(maxHostsFiles, len(first)); left > 0 {
		f.note("%d more folders were not read; none of them is of a private registry or _default", left)
	}
}

func (x *exam) judgeHostsFile(ctx context.Context, h *hostsDir, dir string, f *finding) {
	name := path.Join(h.path, shownName(dir), hostsToml)
	file, err := x.mirrorFile(ctx, path.Join(h.path, dir))
	private := x.isPrivate(registryOf(dir))
	switch wrong := (*syntaxError)(nil); {
	case errors.As(err, &wrong):
		f.add(Warn, "%s: %s; containerd ignores the whole file and asks the registry itself", name, wrong)
		f.mend("mend or remove %s", word(path.Join(h.path, dir, hostsToml)))
	case errors.Is(err, fs.ErrNotExist): // certificates may lie there without a hosts.toml
	case err != nil:
		f.add(Warn, "%s %s", name, reason(err))
	case len(file.spegel()) == 0:
		if !private || len(file.own) == 0 {
			return
		}
		if _, err := x.route(ctx, registryOf(dir)); err != nil {
			f.add(Warn, "%s: what it names can't be used: %s", name, line(err.Error()))
			f.mend("mend %s", word(path.Join(h.path, dir, hostsToml)))
		}
	case dir == defaultDir:
		f.add(Fail, "%s sends containerd to Spegel (%s) for every registry without a folder of its own, the private ones included", name, list(file.spegel()))
		x.mendList(f, path.Join(h.path, dir))
	case private:
		f.add(Fail, "%s sends containerd to Spegel (%s) for private registry %s", name, list(file.spegel()), shownName(registryOf(dir)))
		x.mendList(f, path.Join(h.path, dir))
	}
}

// mendList says how Spegel gets out of the way.
func (x *exam) mendList(f *finding, dir string) {
	f.mend("list the registries to mirror, and no private one, in spegel.mirroredRegistries of the HelmRelease")
	if x.placement.Name != "" {
		f.mend("kubectl -n %s rollout restart ds/%s", word(x.placement.Namespace), word(x.placement.Name))
	} else {
		f.mend("kubectl -n <namespace> rollout restart ds/<spegel>")
	}
	f.mend("until then, on this node: rm -r %s", word(dir))
}

// displaced looks into _backup for files that a private registry may need.
func (x *exam) displaced(ctx context.Context, h *hostsDir, f *finding) {
	backup := path.Join(h.path, backupDir)
	entries, err := x.Files.ReadDir(ctx, backup)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			f.add(Warn, "%s %s", backup, reason(err))
		}
		return
	}
	var names []string
	for _, e := range entries {
		names = append(names, shownName(e.Name))
		if !x.isPrivate(registryOf(e.Name)) || has(h.entries, e.Name) {
			continue
		}
		what := "its hosts file"
		if file, err := x.mirrorFile(ctx, path.Join(backup, e.Name)); err == nil && len(file.own)+len(file.mirrors) > 0 {
			what += " (" + file.summary() + ")"
		}
		f.add(Warn, "Spegel moved private registry %s to %s: containerd no longer sees %s", shownName(registryOf(e.Name)), backup, what)
		f.mend("if the registry needs it, on this node: cp -r %s %s", word(path.Join(backup, e.Name)), word(h.path))
	}
	if len(names) > 0 {
		f.note("Spegel displaced into %s: %s", backup, few(names))
	}
}

// summary names what a file sets, and no values: a header may hold a password.
func (f *hostsFile) summary() string {
	parts := slices.Clone(f.own)
	if f.server != "" {
		parts = append([]string{"server " + shown(f.server)}, parts...)
	}
	if n := len(f.mirrors); n > 0 {
		parts = append(parts, "hosts")
	}
	return list(parts)
}

// matchList compares the folders with the list that Spegel was given.
func (x *exam) matchList(ctx context.Context, h *hostsDir, f *finding) {
	p, err := x.spegel(ctx)
	switch {
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
		if e.Name != backupDir && !e.Type.IsRegular() && !want[e.Name] {
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
	f.mend("kubectl -n %s rollout restart ds/%s", word(p.Namespace), word(p.Name))
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
	return shownName(strings.Join(dirs, ":"))
}
