package node

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/distribution"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs/talosctl"
)

// distribution is what the node runs, as far as the names of its files show, and those of more files.
func (x *run) distribution(ctx context.Context, more ...string) distribution.Distribution {
	if x.Files == nil {
		return distribution.Of("")
	}
	config := x.node.Config(ctx)
	names := slices.Concat(x.hostsDirs(ctx).Paths(), more, []string{config.Main, config.PathFrom, config.Pause()})
	if x.isTalos(ctx) {
		return distribution.Of(distribution.Talos)
	}
	return distribution.Of(x.node.OS(ctx), names...)
}

// isTalos reports whether the files are of a node of Talos: they come through talosctl, or out of an archive of "talosctl support", which
// holds the logs of its services.
func (x *run) isTalos(ctx context.Context) bool {
	if _, ok := x.Files.(*talosctl.Node); ok {
		return true
	}
	entries, err := x.Files.ReadDir(ctx, "/service-logs")
	return err == nil && len(entries) > 0
}

// writer is what the node runs, for a file of a hosts directory. In places of others it writes nothing.
func (x *run) writer(ctx context.Context, name string) distribution.Distribution {
	d := x.distribution(ctx)
	if !strings.Contains(name, d.Mark) {
		d.Registries = ""
	}
	return d
}

// edit is how a hosts file that Spegel did not write is changed: where whoever wrote it reads what it writes.
func (x *run) edit(ctx context.Context, name, what string) string {
	if d := x.writer(ctx, name); d.Registries != "" {
		return what + ", in " + d.Registries + ", from which " + d.Name + " writes " + word(name) + d.Writes
	}
	return what + ": " + word(name)
}

// fixUse says what to do about a folder that containerd can't use.
func (x *run) fixUse(ctx context.Context, folder string) string {
	if _, err := x.node.HostsFile(ctx, folder); nodefs.IsMissing(err) {
		return x.edit(ctx, folder, "fix what is there, or remove it")
	}
	return x.edit(ctx, path.Join(folder, nodefs.HostsToml), "fix what the hosts file names")
}

// fixFolder says how Spegel gets out of the way of a folder's file, by who wrote the file.
func (x *run) fixFolder(ctx context.Context, folder string, file *hostsfile.File, f *Result) {
	name := path.Join(folder, nodefs.HostsToml)
	d := x.writer(ctx, name)
	p, err := x.spegelHere(ctx)
	switch {
	case d.Registries != "" && !x.isOfSpegel(ctx, file):
		f.fix("%s", x.edit(ctx, name, `name as mirrors the registries to mirror, and neither a private one nor "*", and Spegel among the endpoints of no private one`))
	case err == nil && !p.Writes:
		f.fix("Spegel writes no hosts files here (containerdMirrorAdd is false), so its list changes nothing: " + byUserData)
		x.fixHere(ctx, folder, file, f)
	default:
		f.fix("list the registries to mirror, and no private one, in spegel.mirroredRegistries of the HelmRelease")
		f.fix("%s", x.restart(ctx))
		if err != nil && !x.hasBackup(ctx, path.Dir(folder)) {
			elsewhere := byUserData
			if d.Name == distribution.Talos && d.Registries != "" { // its files look like Spegel's
				elsewhere = x.edit(ctx, name, "take Spegel out of the endpoints")
			}
			f.fix("if Spegel did not write the file, as with containerdMirrorAdd: false (there is no %s, which it makes when it first writes): %s", hostsfile.BackupDir, elsewhere)
		}
		x.fixHere(ctx, folder, file, f)
	}
}

const byUserData = "have what provides the file, such as the node's user data, leave Spegel out, or give each private registry a folder of its own"

// hasBackup reports whether Spegel has written a hosts directory: it then made a folder for what it found, be it nothing.
func (x *run) hasBackup(ctx context.Context, dir string) bool {
	entries, err := x.Files.ReadDir(ctx, dir)
	return err == nil && containerd.Has(entries, hostsfile.BackupDir)
}

// fixHere is what helps on this one node until whoever writes the file does.
func (x *run) fixHere(ctx context.Context, folder string, file *hostsfile.File, f *Result) {
	if x.distribution(ctx).NoShell || len(x.hostsDirs(ctx).Unread) > 0 { // what containerd reads is not certain
		return
	}
	rest := slices.Clone(file.Own)
	known := x.matcher(ctx)
	guess := !x.hasBackup(ctx, path.Dir(folder))
	other := func(m hostsfile.Mirror) bool { by := known.of(m); return by == "" || guess && by == byLoopback }
	if slices.ContainsFunc(file.Mirrors, other) {
		rest = append(rest, "hosts")
	}
	if s := file.Server; s.URL != "" && other(s) && !s.IsDefault(hostsfile.RegistryOf(path.Base(folder))) {
		rest = append(rest, "server")
	}
	entries, err := x.Files.ReadDir(ctx, folder)
	if err != nil || slices.ContainsFunc(entries, func(e nodefs.Entry) bool { return e.Name != nodefs.HostsToml }) {
		rest = append(rest, "other files")
	}
	if len(rest) > 0 { // without them the registry may not be reached, or not be trusted
		f.fix("until then, on this node: take Spegel out of %s, its table as a host or its line as the server, and leave what else is there (%s)", word(path.Join(folder, nodefs.HostsToml)), list(rest))
		return
	}
	f.fix("until then, on this node: rm -r %s", word(folder))
}

// isOfSpegel reports whether Spegel itself may have written a file: it names itself without a path and, since v0.4, with a
// dial_timeout, where k3s and RKE2 write /v2 and no dial_timeout.
func (x *run) isOfSpegel(ctx context.Context, file *hostsfile.File) bool {
	if p, err := x.spegelHere(ctx); err == nil && !p.Writes {
		return false
	}
	known := x.matcher(ctx)
	return slices.ContainsFunc(file.InOrder(), func(m hostsfile.Mirror) bool {
		return m.URL != "" && known.of(m) != "" && strings.Trim(m.At.Path, "/") == ""
	})
}
