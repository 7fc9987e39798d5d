package node

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// displaced looks into _backup for what containerd no longer sees: Spegel moves there what it finds when it first comes to a node,
// whichever registry it is for.
func (x *run) displaced(ctx context.Context, h *containerd.HostsDir, f *Result) {
	backup := path.Join(h.Path, containerd.BackupDir)
	entries, err := x.Files.ReadDir(ctx, backup)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			f.add(Warn, "%s %s", redact.Path(backup), nodefs.Reason(err))
		}
		return
	}
	var names []string
	for _, e := range entries {
		names = append(names, redact.Name(e.Name))
		if len(names) > maxHostsFiles {
			continue
		}
		if what, table := x.lost(ctx, h, e.Name); what != "" {
			registry := containerd.RegistryOf(e.Name)
			kind := "registry "
			if x.isPrivate(registry) {
				kind = "private registry "
			}
			f.add(Warn, "Spegel moved %s%s to %s: containerd no longer sees %s", kind, redact.Name(registry), redact.Path(backup), what)
			x.fixDisplaced(ctx, h, e.Name, table, f)
		}
	}
	if len(names) > 0 {
		f.note("Spegel displaced into %s: %s", redact.Path(backup), few(names))
	}
}

// lost says what containerd no longer sees of a folder of _backup; empty for nothing: it is not there, or said nothing that containerd
// does not do without it, or Spegel was told to put it back (prependExisting), which it does with tables of hosts and not with what
// stands above them: table is the host in whose table that would be put back too.
func (x *run) lost(ctx context.Context, h *containerd.HostsDir, name string) (what, table string) {
	folder, registry := path.Join(h.Path, containerd.BackupDir, name), containerd.RegistryOf(name)
	table = "https://" + registry
	if registry == "docker.io" {
		table = "https://registry-1.docker.io"
	}
	was, err := x.node.HostsFile(ctx, folder)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, new(*containerd.SyntaxError)): // which containerd ignored
		return x.lostCertificates(ctx, folder, path.Join(h.Path, name)), table
	case err != nil:
		return "its hosts file, which " + nodefs.Reason(err), table
	}
	known := x.matcher(ctx)
	if known.of(was.Server) != "" {
		was.Server.URL = ""
	}
	var now containerd.HostsFile
	if containerd.Has(h.Entries, name) {
		if now, err = x.node.HostsFile(ctx, path.Join(h.Path, name)); err != nil && !nodefs.IsMissing(err) {
			return "", ""
		}
	}
	was.Mirrors = slices.DeleteFunc(was.Mirrors, func(m containerd.Mirror) bool {
		return known.of(m) != "" || slices.ContainsFunc(now.Mirrors, func(n containerd.Mirror) bool { return n.URL == m.URL })
	})
	was.Own = slices.DeleteFunc(was.Own, func(key string) bool { return slices.Contains(now.Own, key) })
	server := was.Server.URL != now.Server.URL && was.Server.URL != "" && !was.Server.IsDefault(registry)
	if len(was.Mirrors)+len(was.Own) == 0 && !server {
		return "", ""
	}
	what = "its hosts file (" + summary(&was) + ")"
	if len(was.Own) == 0 && !server {
		return what, ""
	}
	return what, cmp.Or(was.Server.URL, table)
}

// lostCertificates names those of a folder without a hosts.toml, which containerd trusts, and does not find in the one of now.
func (x *run) lostCertificates(ctx context.Context, was, now string) string {
	seen, _ := x.Files.ReadDir(ctx, now)
	if containerd.Has(seen, nodefs.HostsToml) { // then it looks at nothing else there
		seen = nil
	}
	entries, _ := x.Files.ReadDir(ctx, was)
	var lost []string
	for _, e := range entries {
		if slices.Contains([]string{".crt", ".cert", ".key"}, path.Ext(e.Name)) && !containerd.Has(seen, e.Name) {
			lost = append(lost, redact.Name(e.Name))
		}
	}
	if len(lost) == 0 {
		return ""
	}
	return "its certificates (" + few(lost) + ")"
}

// fixDisplaced says how a registry gets back what it lost. There is a table where there is more to it than tables of hosts.
func (x *run) fixDisplaced(ctx context.Context, h *containerd.HostsDir, name, table string, f *Result) {
	backup := path.Join(h.Path, containerd.BackupDir, name)
	registry := redact.Name(containerd.RegistryOf(name))
	d, listed := x.writer(ctx, h.Path+"/"), containerd.Has(h.Entries, name)
	keep := "list it in spegel.mirroredRegistries with spegel.prependExisting: true"
	if listed {
		keep = "set spegel.prependExisting: true in the values of the HelmRelease"
	}
	if x.isPrivate(containerd.RegistryOf(name)) {
		keep += ", and private-registry-mirrored: warn in the policy"
	}
	switch {
	case name == containerd.DefaultDir: // on the list it would be every registry
		f.fix("give each registry that needs these hosts a folder of its own that names them, and list it in spegel.mirroredRegistries with spegel.prependExisting: true")
	case table != "":
		what, file := "write the settings of "+registry+" into a table of their own, [host."+redact.Quote(table)+"]", path.Join(backup, nodefs.HostsToml)
		if d.Registries != "" {
			what, file = "name "+registry+" itself as an endpoint of its mirror, so that its settings stand in a table of hosts", path.Join(h.Path, name, nodefs.HostsToml)
		}
		f.fix("%s; spegel.prependExisting: true then puts that table back, but not what stands above it", x.edit(ctx, file, what))
	}
	if name != containerd.DefaultDir {
		f.fix("if %s needs it: %s: Spegel then puts its hosts back, behind itself", registry, keep)
	}
	if !d.NoShell && !listed {
		f.fix("or put it back after each start of Spegel, which removes it; on this node: cp -r %s %s", word(backup), word(h.Path))
	}
}

// summary names what a file sets, and of values only URLs: a header may hold a password.
func summary(f *containerd.HostsFile) string {
	parts := slices.Clone(f.Own)
	if f.Server.URL != "" {
		parts = append([]string{"server " + redact.Quote(f.Server.URL)}, parts...)
	}
	if len(f.Mirrors) > 0 {
		var hosts []string
		for _, m := range f.Mirrors {
			hosts = append(hosts, redact.Quote(m.URL))
		}
		parts = append(parts, "host "+few(hosts))
	}
	return list(parts)
}
