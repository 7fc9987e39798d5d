package node

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/distribution"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// displaced looks into _backup for what containerd no longer sees: Spegel moves there what it finds when it first comes to a node,
// whichever registry it is for.
func (x *run) displaced(ctx context.Context, h *containerd.HostsDir, f *Result) {
	backup := path.Join(h.Path, hostsfile.BackupDir)
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
		if what, server := x.lost(ctx, h, e.Name, f); what != "" {
			registry := hostsfile.RegistryOf(e.Name)
			kind := "registry "
			if x.isPrivate(registry) {
				kind = "private registry "
			}
			f.add(Warn, "Spegel moved %s%s to %s: containerd no longer sees %s", kind, redact.Name(registry), redact.Path(backup), what)
			x.fixDisplaced(ctx, h, e.Name, server, f)
		}
	}
	if len(names) > 0 {
		f.note("Spegel displaced into %s: %s", redact.Path(backup), few(names))
	}
}

// lost is what containerd no longer sees of a folder of _backup, and the URL that the registry itself had there, which is empty where
// Spegel can put all of it back as it is. Nothing is lost where nothing is there, or it said nothing that containerd does not do without
// it, or Spegel was told to put it back (prependExisting), which it does with tables of hosts and not with what stands above them.
func (x *run) lost(ctx context.Context, h *containerd.HostsDir, name string, f *Result) (what, server string) {
	folder, registry := path.Join(h.Path, hostsfile.BackupDir, name), hostsfile.RegistryOf(name)
	server = upstream(registry)
	file, at := path.Join(folder, nodefs.HostsToml), path.Join(h.Path, folderNow(h, name))
	was, err := x.node.HostsFile(ctx, folder)
	switch wrong := errors.As(err, new(*hostsfile.SyntaxError)); {
	case wrong, errors.Is(err, fs.ErrNotExist): // containerd ignored it
		if wrong {
			f.note("%s makes no sense: told to put it back (prependExisting), Spegel may not start", redact.Path(file))
		}
		return x.lostCertificates(ctx, folder, at), server
	case err != nil:
		return "its hosts file, which " + nodefs.Reason(err), server
	}
	known := x.matcher(ctx)
	isSpegel := func(m hostsfile.Mirror) bool { by := known.of(m); return by != "" && by != byLoopback } // a cache of one's own may be there
	now, err := x.node.HostsFile(ctx, at)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", ""
	}
	was.Mirrors = slices.DeleteFunc(was.Mirrors, func(m hostsfile.Mirror) bool {
		return isSpegel(m) || slices.ContainsFunc(now.Mirrors, func(n hostsfile.Mirror) bool { return n.URL == m.URL })
	})
	was.Own = slices.DeleteFunc(was.Own, func(key string) bool { return slices.Contains(now.Own, key) })
	if isSpegel(was.Server) {
		was.Server.URL = ""
	}
	server = cmp.Or(was.Server.URL, server)
	inTables := len(was.Own) == 0 && (was.Server.URL == "" || was.Server.URL == now.Server.URL || was.Server.IsDefault(registry))
	if inTables && len(was.Mirrors) == 0 {
		return "", ""
	}
	if inTables && name == registry && !slices.ContainsFunc(was.Mirrors, namesFilesBeside) {
		server = ""
	}
	return "its hosts file (" + summary(&was) + ")", server
}

// upstream is the registry itself, as containerd asks it.
func upstream(registry string) string {
	if registry == "docker.io" {
		return "https://registry-1.docker.io"
	}
	return "https://" + registry
}

// namesFilesBeside reports whether a host's certificates are looked for from where its file is.
func namesFilesBeside(m hostsfile.Mirror) bool {
	return slices.ContainsFunc(slices.Concat(m.CA, m.Client), func(name string) bool { return !path.IsAbs(name) })
}

// folderNow is the folder that containerd reads for what was moved away: it may be there by its other name.
func folderNow(h *containerd.HostsDir, name string) string {
	if containerd.Has(h.Entries, name) {
		return name
	}
	return hostsfile.RegistryOf(name)
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

// fixDisplaced says how a registry gets back what it lost. Server is as lost has it.
func (x *run) fixDisplaced(ctx context.Context, h *containerd.HostsDir, name, server string, f *Result) {
	backup, registry := path.Join(h.Path, hostsfile.BackupDir), hostsfile.RegistryOf(name)
	d, listed := x.writer(ctx, h.Path+"/"), containerd.Has(h.Entries, folderNow(h, name))
	once := "or put it back after each start of Spegel, which removes it;"
	if p, err := x.spegelHere(ctx); err == nil && !p.Writes {
		f.fix("%s", x.edit(ctx, path.Join(h.Path, name, nodefs.HostsToml), "Spegel writes no hosts files here (containerdMirrorAdd is false): have what provides them, such as the node's user data, provide this one again"))
		once = "or put it back once,"
	} else if name == hostsfile.DefaultDir { // on the list it would be every registry
		f.fix("give each registry that needs these hosts a folder of its own that names them, and list it in spegel.mirroredRegistries with spegel.prependExisting: true")
	} else {
		x.fixPrepend(ctx, path.Join(backup, registry), registry, server, d, listed, f)
	}
	if !d.NoShell && !listed {
		f.fix("%s on this node: cp -r %s %s", once, word(path.Join(backup, name)), word(h.Path))
	}
}

// fixPrepend says how Spegel puts a registry's own hosts back, behind itself: it copies the tables of hosts that it finds in a folder of
// _backup that has the registry's name, and nothing else.
func (x *run) fixPrepend(ctx context.Context, folder, registry, server string, d distribution.Distribution, listed bool, f *Result) {
	how := "have " + word(path.Join(folder, nodefs.HostsToml)) + " hold all of it in tables of hosts, what is of the registry itself in [host." + redact.Quote(server) +
		`], with the paths of certificates from the root, as in ca = "` + redact.Path(folder) + `/ca.crt"`
	if d.Registries != "" && d.NoShell {
		how = x.edit(ctx, path.Join(path.Dir(path.Dir(folder)), registry, nodefs.HostsToml), "name "+redact.Name(registry)+" itself as an endpoint of its mirror, so that its settings stand in a table of hosts")
	}
	keep := "list it in spegel.mirroredRegistries with spegel.prependExisting: true"
	if listed {
		keep = "set spegel.prependExisting: true in the values of the HelmRelease"
	}
	if x.isPrivate(registry) {
		keep += ", and private-registry-mirrored: warn in the policy"
	}
	f.fix("if %s needs it: %s: Spegel then puts its hosts back, behind itself", redact.Name(registry), keep)
	if server != "" {
		f.fix("before that, as Spegel copies nothing but tables of hosts: %s", how)
	}
}

// summary names what a file sets, and of values only URLs: a header may hold a password.
func summary(f *hostsfile.File) string {
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
