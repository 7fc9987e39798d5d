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

// displaced looks into _backup for hosts files that containerd no longer sees: Spegel moves there what it finds when it first
// comes to a node, whichever registry it is for.
func (x *run) displaced(ctx context.Context, h *containerd.HostsDir, f *finding) {
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
		if what, hosts := x.lost(ctx, h, e.Name); what != "" && len(names) <= maxHostsFiles {
			registry := containerd.RegistryOf(e.Name)
			kind := "registry "
			if x.isPrivate(registry) {
				kind = "private registry "
			}
			f.add(Warn, "Spegel moved %s%s to %s: containerd no longer sees %s", kind, redact.Name(registry), redact.Path(backup), what)
			x.fixDisplaced(ctx, h, e.Name, hosts, f)
		}
	}
	if len(names) > 0 {
		f.note("Spegel displaced into %s: %s", redact.Path(backup), few(names))
	}
}

// lost says what containerd no longer sees of a folder of _backup; empty for nothing: the file said nothing that containerd does
// not do without it, or Spegel was told to put it back (prependExisting), which it does with tables of hosts alone.
func (x *run) lost(ctx context.Context, h *containerd.HostsDir, name string) (what string, hosts bool) {
	registry := containerd.RegistryOf(name)
	was, err := x.node.HostsFile(ctx, path.Join(h.Path, containerd.BackupDir, name))
	listed := containerd.Has(h.Entries, name)
	if err != nil { // certificates may lie there without a hosts.toml
		if x.isPrivate(registry) && !listed {
			return "its hosts file", false
		}
		return "", false
	}
	known := x.matcher(ctx)
	if was.Server != "" && known.of(containerd.Mirror{URL: was.Server, DialTimeout: was.DialTimeout}) != "" {
		was.Server = ""
	}
	own := slices.DeleteFunc(slices.Clone(was.Mirrors), func(m containerd.Mirror) bool { return known.of(m) != "" })
	if listed {
		now, err := x.node.HostsFile(ctx, path.Join(h.Path, name))
		if err != nil {
			return "", false
		}
		own = slices.DeleteFunc(own, func(m containerd.Mirror) bool {
			return slices.ContainsFunc(now.Mirrors, func(n containerd.Mirror) bool { return n.URL == m.URL })
		})
		was.Own = slices.DeleteFunc(was.Own, func(key string) bool { return slices.Contains(now.Own, key) })
	}
	if was.Mirrors = own; len(own) == 0 && len(was.Own) == 0 && (was.Instead(registry) == "" || listed) {
		return "", false
	}
	return "its hosts file (" + summary(&was) + ")", len(own) > 0
}

// fixDisplaced says how a registry gets back what it lost. Hosts says that tables of hosts are among it.
func (x *run) fixDisplaced(ctx context.Context, h *containerd.HostsDir, name string, hosts bool, f *finding) {
	backup := path.Join(h.Path, containerd.BackupDir, name)
	registry := redact.Name(containerd.RegistryOf(name))
	shell := x.distribution(ctx).Name != containerd.Talos
	if !hosts && shell {
		f.fix("write the settings of %[1]s into a table of their own, [host.\"https://%[1]s\"], in %[2]s: spegel.prependExisting: true puts such tables back, and not what stands above them", registry, word(path.Join(backup, nodefs.HostsToml)))
	}
	if containerd.Has(h.Entries, name) {
		f.fix("set spegel.prependExisting: true in the values of the HelmRelease: Spegel then puts the hosts of %s back, behind itself", registry)
		return
	}
	policy := ""
	if x.isPrivate(containerd.RegistryOf(name)) {
		policy = ", and private-registry-mirrored: warn in the policy"
	}
	f.fix("if %s needs it: list it in spegel.mirroredRegistries with spegel.prependExisting: true%s: Spegel then puts its hosts back, behind itself", registry, policy)
	if shell {
		f.fix("or put it back after each start of Spegel, which removes it, on this node: cp -r %s %s", word(backup), word(h.Path))
	}
}

// summary names what a file sets, and of values only URLs: a header may hold a password.
func summary(f *containerd.HostsFile) string {
	parts := slices.Clone(f.Own)
	if f.Server != "" {
		parts = append([]string{"server " + redact.Quote(f.Server)}, parts...)
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
