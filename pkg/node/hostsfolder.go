package node

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
)

// maxHostsFiles is how many hosts files are read. Through talosctl each of them is a call; those of
// private registries and _default come first, and of the others only a mistake would be told.
const maxHostsFiles = 100

// hostsFiles judges the files of a directory, _default and private registries first. What containerd finds in one of
// the directories before it, it does not look for here.
func (x *exam) hostsFiles(ctx context.Context, h *hostsDir, before []*hostsDir, known signs, f *finding) {
	var first, others []string
	answered, hidden := map[string]bool{}, 0
	for _, d := range before {
		for _, e := range d.entries {
			answered[registryOf(e.Name)] = true
		}
	}
	for _, e := range h.entries {
		switch {
		case e.Name == backupDir || e.Type.IsRegular():
		case answered[defaultDir] || answered[registryOf(e.Name)]:
			hidden++
		case e.Name == defaultDir || x.isPrivate(registryOf(e.Name)):
			first = append(first, e.Name)
		default:
			others = append(others, e.Name)
		}
	}
	all := slices.Concat(first, others)
	for _, dir := range all[:min(len(all), max(maxHostsFiles, len(first)))] {
		x.judgeHostsFile(ctx, h, dir, known, f)
	}
	if hidden > 0 {
		f.note("%d folders of %s are never read: a directory before it has a folder for them, or a %s", hidden, shownPath(h.path), defaultDir)
	}
	if left := len(all) - max(maxHostsFiles, len(first)); left > 0 {
		f.note("%d more folders were not read; none of them is of a private registry or _default", left)
	}
}

func (x *exam) judgeHostsFile(ctx context.Context, h *hostsDir, dir string, known signs, f *finding) {
	name := path.Join(h.path, shownName(dir), hostsToml)
	file, err := x.mirrorFile(ctx, path.Join(h.path, dir))
	private := x.isPrivate(registryOf(dir))
	var spegel []string
	if private || dir == defaultDir {
		spegel = known.spegelIn(&file, registryOf(dir))
	}
	switch wrong := (*syntaxError)(nil); {
	case errors.As(err, &wrong):
		f.add(Warn, "%s: %s; containerd ignores the whole file and asks the registry itself", name, wrong)
		f.mend("mend or remove %s", word(path.Join(h.path, dir, hostsToml)))
	case isMissing(err): // certificates may lie there without a hosts.toml
	case err != nil:
		f.add(Warn, "%s %s", name, reason(err))
	case len(spegel) == 0 && (private || dir == defaultDir):
		x.judgeWithoutSpegel(ctx, path.Join(h.path, dir), &file, f)
	case len(spegel) == 0:
	case dir == defaultDir:
		f.add(Fail, "%s sends containerd to Spegel (%s) for every registry without a folder of its own, the private ones included", name, list(spegel))
		x.mendList(f, path.Join(h.path, dir), &file)
	case private:
		f.add(Fail, "%s sends containerd to Spegel (%s) for private registry %s", name, list(spegel), shownName(registryOf(dir)))
		x.mendList(f, path.Join(h.path, dir), &file)
	}
}

// judgeWithoutSpegel judges what a file of a private registry, or a _default, says of others.
func (x *exam) judgeWithoutSpegel(ctx context.Context, folder string, file *hostsFile, f *finding) {
	name := shownPath(path.Join(folder, hostsToml))
	registry := registryOf(path.Base(folder))
	place := "private registry " + shownName(registry)
	if registry == defaultDir {
		place = "every registry without a folder of its own, the private ones included"
	}
	if server := file.instead(registry); server != "" {
		f.add(Warn, "%s has server %s in place of %s: the registry itself is never asked, and pulls fail unless that is a mirror of it", name, shown(server), place)
		f.mend("unless it is meant so, take the line of server out of %s, or have it name the registry", word(path.Join(folder, hostsToml)))
	}
	if registry == defaultDir || len(file.own) == 0 {
		return
	}
	_, err := x.route(ctx, registry)
	if err == nil {
		return
	}
	f.add(Warn, "%s: what it names can't be used: %s", name, line(err.Error()))
	if unread := (*unreadError)(nil); errors.As(err, &unread) && unread.left {
		f.mend("hand over %s of the node too, or run doctor there", word(unread.file))
		return
	}
	f.mend("mend %s", word(path.Join(folder, hostsToml)))
}

// mendList says how Spegel gets out of the way.
func (x *exam) mendList(f *finding, dir string, file *hostsFile) {
	if slices.ContainsFunc(file.mirrors, func(m mirror) bool {
		u, err := hostURL(m.url)
		return err == nil && isEmbedded(u)
	}) {
		f.mend("list the registries to mirror, and neither a private one nor \"*\", as mirrors in /etc/rancher/k3s/registries.yaml (with RKE2, /etc/rancher/rke2/registries.yaml)")
		f.mend("restart k3s or RKE2 on the node, which then writes its hosts directory anew")
	} else {
		f.mend("list the registries to mirror, and no private one, in spegel.mirroredRegistries of the HelmRelease")
		f.mend("%s", x.restart())
	}
	if len(file.own) > 0 { // without them the registry may not be trusted
		f.mend("until then, on this node: take Spegel out of %s, its table as a host or its line as the server, and leave what else is in it (%s)", word(path.Join(dir, hostsToml)), list(file.own))
		return
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
		f.mend("if the registry needs it, and again after each start of Spegel, which removes it, on this node: cp -r %s %s", word(path.Join(backup, e.Name)), word(h.path))
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
