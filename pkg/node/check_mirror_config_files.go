package node

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// maxHostsFiles is how many hosts files are read. Through talosctl each of them is a call; those of
// private registries and _default come first, and of the others only a mistake would be told.
const maxHostsFiles = 100

// hostsFiles judges the files of a directory, _default and private registries first. What containerd finds in one of
// the directories before it, it does not look for here.
func (x *run) hostsFiles(ctx context.Context, h *containerd.HostsDir, before []*containerd.HostsDir, known spegelMatcher, f *finding) {
	var first, others []string
	answered, hidden := map[string]bool{}, 0
	for _, d := range before {
		for _, e := range d.Entries {
			answered[containerd.RegistryOf(e.Name)] = true
		}
	}
	for _, e := range h.Entries {
		switch {
		case e.Name == containerd.BackupDir || e.Type.IsRegular():
		case answered[containerd.DefaultDir] || answered[containerd.RegistryOf(e.Name)]:
			hidden++
		case e.Name == containerd.DefaultDir || x.isPrivate(containerd.RegistryOf(e.Name)):
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
		f.note("%d folders of %s are never read: a directory before it has a folder for them, or a %s", hidden, redact.Path(h.Path), containerd.DefaultDir)
	}
	if left := len(all) - max(maxHostsFiles, len(first)); left > 0 {
		f.note("%d more folders were not read; none of them is of a private registry or _default", left)
	}
}

func (x *run) judgeHostsFile(ctx context.Context, h *containerd.HostsDir, dir string, known spegelMatcher, f *finding) {
	name := path.Join(h.Path, redact.Name(dir), nodefs.HostsToml)
	file, err := x.node.HostsFile(ctx, path.Join(h.Path, dir))
	private := x.isPrivate(containerd.RegistryOf(dir))
	var spegel []string
	if private || dir == containerd.DefaultDir {
		spegel = known.spegelIn(&file, containerd.RegistryOf(dir))
	}
	switch wrong := (*containerd.SyntaxError)(nil); {
	case errors.As(err, &wrong):
		f.add(Warn, "%s: %s; containerd ignores the whole file and asks the registry itself", name, wrong)
		f.fix("mend or remove %s", word(path.Join(h.Path, dir, nodefs.HostsToml)))
	case nodefs.IsMissing(err): // certificates may lie there without a hosts.toml
	case err != nil:
		f.add(Warn, "%s %s", name, nodefs.Reason(err))
	case len(spegel) == 0 && (private || dir == containerd.DefaultDir):
		x.judgeWithoutSpegel(ctx, path.Join(h.Path, dir), &file, f)
	case len(spegel) == 0:
	case dir == containerd.DefaultDir:
		f.add(Fail, "%s sends containerd to Spegel (%s) for every registry without a folder of its own, the private ones included", name, list(spegel))
		x.fixList(f, path.Join(h.Path, dir), &file)
	case private:
		f.add(Fail, "%s sends containerd to Spegel (%s) for private registry %s", name, list(spegel), redact.Name(containerd.RegistryOf(dir)))
		x.fixList(f, path.Join(h.Path, dir), &file)
	}
}

// judgeWithoutSpegel judges what a file of a private registry, or a _default, says of others.
func (x *run) judgeWithoutSpegel(ctx context.Context, folder string, file *containerd.HostsFile, f *finding) {
	name := redact.Path(path.Join(folder, nodefs.HostsToml))
	registry := containerd.RegistryOf(path.Base(folder))
	place := "private registry " + redact.Name(registry)
	if registry == containerd.DefaultDir {
		place = "every registry without a folder of its own, the private ones included"
	}
	if server := file.Instead(registry); server != "" {
		f.add(Warn, "%s has server %s in place of %s: the registry itself is never asked, and pulls fail unless that is a mirror of it", name, redact.Quote(server), place)
		f.fix("unless it is meant so, take the line of server out of %s, or have it name the registry", word(path.Join(folder, nodefs.HostsToml)))
	}
	if registry == containerd.DefaultDir || len(file.Own) == 0 {
		return
	}
	_, err := x.resolve(ctx, registry)
	if err == nil {
		return
	}
	f.add(Warn, "%s: what it names can't be used: %s", name, redact.Line(err.Error()))
	if unread := (*containerd.UnreadError)(nil); errors.As(err, &unread) && unread.NotGiven {
		f.fix("hand over %s of the node too, or run doctor there", word(unread.File))
		return
	}
	f.fix("mend %s", word(path.Join(folder, nodefs.HostsToml)))
}

// fixList says how Spegel gets out of the way.
func (x *run) fixList(f *finding, dir string, file *containerd.HostsFile) {
	if slices.ContainsFunc(file.Mirrors, func(m containerd.Mirror) bool {
		u, err := containerd.HostURL(m.URL)
		return err == nil && isEmbedded(u)
	}) {
		f.fix("list the registries to mirror, and neither a private one nor \"*\", as mirrors in /etc/rancher/k3s/registries.yaml (with RKE2, /etc/rancher/rke2/registries.yaml)")
		f.fix("restart k3s or RKE2 on the node, which then writes its hosts directory anew")
	} else {
		f.fix("list the registries to mirror, and no private one, in spegel.mirroredRegistries of the HelmRelease")
		f.fix("%s", x.restart())
	}
	if len(file.Own) > 0 { // without them the registry may not be trusted
		f.fix("until then, on this node: take Spegel out of %s, its table as a host or its line as the server, and leave what else is in it (%s)", word(path.Join(dir, nodefs.HostsToml)), list(file.Own))
		return
	}
	f.fix("until then, on this node: rm -r %s", word(dir))
}

// displaced looks into _backup for files that a private registry may need.
func (x *run) displaced(ctx context.Context, h *containerd.HostsDir, f *finding) {
	backup := path.Join(h.Path, containerd.BackupDir)
	entries, err := x.Files.ReadDir(ctx, backup)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			f.add(Warn, "%s %s", backup, nodefs.Reason(err))
		}
		return
	}
	var names []string
	for _, e := range entries {
		names = append(names, redact.Name(e.Name))
		if !x.isPrivate(containerd.RegistryOf(e.Name)) || containerd.Has(h.Entries, e.Name) {
			continue
		}
		what := "its hosts file"
		if file, err := x.node.HostsFile(ctx, path.Join(backup, e.Name)); err == nil && len(file.Own)+len(file.Mirrors) > 0 {
			what += " (" + summary(&file) + ")"
		}
		f.add(Warn, "Spegel moved private registry %s to %s: containerd no longer sees %s", redact.Name(containerd.RegistryOf(e.Name)), backup, what)
		f.fix("if the registry needs it, and again after each start of Spegel, which removes it, on this node: cp -r %s %s", word(path.Join(backup, e.Name)), word(h.Path))
	}
	if len(names) > 0 {
		f.note("Spegel displaced into %s: %s", backup, few(names))
	}
}

// summary names what a file sets, and no values: a header may hold a password.
func summary(f *containerd.HostsFile) string {
	parts := slices.Clone(f.Own)
	if f.Server != "" {
		parts = append([]string{"server " + redact.Quote(f.Server)}, parts...)
	}
	if len(f.Mirrors) > 0 {
		parts = append(parts, "hosts")
	}
	return list(parts)
}
