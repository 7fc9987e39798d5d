package node

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

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
		if l := x.lost(ctx, h, e.Name, f); l.what != "" {
			registry := containerd.RegistryOf(e.Name)
			kind := "registry "
			if x.isPrivate(registry) {
				kind = "private registry "
			}
			f.add(Warn, "Spegel moved %s%s to %s: containerd no longer sees %s", kind, redact.Name(registry), redact.Path(backup), l.what)
			x.fixDisplaced(ctx, h, e.Name, l, f)
		}
	}
	if len(names) > 0 {
		f.note("Spegel displaced into %s: %s", redact.Path(backup), few(names))
	}
}

// loss is what containerd no longer sees of a folder of _backup.
type loss struct {
	what  string   // empty for nothing
	table string   // the host in whose table Spegel would put back what it does not; empty where it does
	such  string   // its settings, if they are in no file
	first []string // what has to be done before Spegel may be told to put it back
}

// lost is empty where nothing is there, or it said nothing that containerd does not do without it, or Spegel was told to put it back
// (prependExisting), which it does with tables of hosts and not with what stands above them.
func (x *run) lost(ctx context.Context, h *containerd.HostsDir, name string, f *Result) (l loss) {
	folder, registry := path.Join(h.Path, containerd.BackupDir, name), containerd.RegistryOf(name)
	l.table = upstream(registry)
	if name != registry {
		l.first = append(l.first, "rename "+word(folder)+" to "+redact.Name(registry)+", for which Spegel looks")
	}
	file, at := path.Join(folder, nodefs.HostsToml), path.Join(h.Path, folderNow(h, name))
	was, err := x.node.HostsFile(ctx, folder)
	switch wrong := errors.As(err, new(*containerd.SyntaxError)); {
	case wrong, errors.Is(err, fs.ErrNotExist): // containerd ignored it
		if wrong {
			f.note("%s makes no sense: told to put it back (prependExisting), Spegel may not start", redact.Path(file))
			l.first = append(l.first, "fix or remove "+word(file))
		}
		x.lostCertificates(ctx, folder, at, &l)
		return l
	case err != nil:
		l.what = "its hosts file, which " + nodefs.Reason(err)
		return l
	}
	known := x.matcher(ctx)
	if known.of(was.Server) != "" {
		was.Server.URL = ""
	}
	var now containerd.HostsFile
	if containerd.Has(h.Entries, path.Base(at)) {
		if now, err = x.node.HostsFile(ctx, at); err != nil && !nodefs.IsMissing(err) {
			return loss{}
		}
	}
	was.Mirrors = slices.DeleteFunc(was.Mirrors, func(m containerd.Mirror) bool {
		return known.of(m) != "" || slices.ContainsFunc(now.Mirrors, func(n containerd.Mirror) bool { return n.URL == m.URL })
	})
	was.Own = slices.DeleteFunc(was.Own, func(key string) bool { return slices.Contains(now.Own, key) })
	server := was.Server.URL != now.Server.URL && was.Server.URL != "" && !was.Server.IsDefault(registry)
	if len(was.Mirrors)+len(was.Own) == 0 && !server {
		return loss{}
	}
	if slices.ContainsFunc(was.InOrder(), namesFilesBeside) {
		l.first = append(l.first, "write the paths of certificates in "+word(file)+" from the root, as Spegel copies none of them")
	}
	l.what = "its hosts file (" + summary(&was) + ")"
	l.table = cmp.Or(was.Server.URL, l.table)
	if len(was.Own) == 0 && !server {
		l.table = ""
	}
	return l
}

// upstream is the registry itself, as containerd asks it.
func upstream(registry string) string {
	if registry == "docker.io" {
		return "https://registry-1.docker.io"
	}
	return "https://" + registry
}

// namesFilesBeside reports whether a host's certificates are looked for from where its file is.
func namesFilesBeside(m containerd.Mirror) bool {
	return slices.ContainsFunc(slices.Concat(m.CA, m.Client), func(name string) bool { return name != "" && !path.IsAbs(name) })
}

// folderNow is the folder that containerd reads for what was moved away: it may be there by its other name.
func folderNow(h *containerd.HostsDir, name string) string {
	if containerd.Has(h.Entries, name) {
		return name
	}
	return containerd.RegistryOf(name)
}

// lostCertificates names those of a folder without a hosts.toml, which containerd trusts, and does not find in the one of now.
func (x *run) lostCertificates(ctx context.Context, was, now string, l *loss) {
	seen, _ := x.Files.ReadDir(ctx, now)
	if containerd.Has(seen, nodefs.HostsToml) { // then it looks at nothing else there
		seen = nil
	}
	entries, _ := x.Files.ReadDir(ctx, was)
	var lost, settings []string
	for _, e := range entries {
		if slices.Contains([]string{".crt", ".cert", ".key"}, path.Ext(e.Name)) && !containerd.Has(seen, e.Name) {
			lost = append(lost, redact.Name(e.Name))
			settings = append(settings, setting(path.Join(was, e.Name)))
		}
	}
	if len(lost) > 0 {
		l.what = "its certificates (" + few(lost) + ")"
		l.such = " (" + few(slices.Compact(settings)) + ")" // the two files of a client come one after the other
	}
}

// setting names a file in a folder without a hosts.toml as containerd takes it.
func setting(file string) string {
	if path.Ext(file) == ".crt" {
		return `ca = "` + redact.Path(file) + `"`
	}
	base := redact.Path(strings.TrimSuffix(file, path.Ext(file)))
	return `client = [["` + base + `.cert", "` + base + `.key"]]`
}

// fixDisplaced says how a registry gets back what it lost.
func (x *run) fixDisplaced(ctx context.Context, h *containerd.HostsDir, name string, l loss, f *Result) {
	backup := path.Join(h.Path, containerd.BackupDir, name)
	registry := redact.Name(containerd.RegistryOf(name))
	d, listed := x.writer(ctx, h.Path+"/"), containerd.Has(h.Entries, folderNow(h, name))
	keep := "list it in spegel.mirroredRegistries with spegel.prependExisting: true"
	if listed {
		keep = "set spegel.prependExisting: true in the values of the HelmRelease"
	}
	if x.isPrivate(containerd.RegistryOf(name)) {
		keep += ", and private-registry-mirrored: warn in the policy"
	}
	if p, err := x.spegelHere(ctx); err == nil && !p.Writes {
		f.fix("%s", x.edit(ctx, path.Join(h.Path, name, nodefs.HostsToml), "Spegel writes no hosts files here (containerdMirrorAdd is false): have what provides them, such as the node's user data, provide this one again"))
		if !d.NoShell && !listed {
			f.fix("or put it back once, on this node: cp -r %s %s", word(backup), word(h.Path))
		}
		return
	}
	for _, first := range l.first {
		f.fix("before Spegel is told to put it back: %s", first)
	}
	switch {
	case name == containerd.DefaultDir: // on the list it would be every registry
		f.fix("give each registry that needs these hosts a folder of its own that names them, and list it in spegel.mirroredRegistries with spegel.prependExisting: true")
	case l.table != "":
		how := "write the settings of " + registry + l.such + " into a table of their own, [host." + redact.Quote(l.table) + "]: " + word(path.Join(backup, nodefs.HostsToml))
		if d.Registries != "" && d.NoShell {
			how = x.edit(ctx, path.Join(h.Path, name, nodefs.HostsToml), "name "+registry+" itself as an endpoint of its mirror, so that its settings stand in a table of hosts")
		}
		f.fix("%s; spegel.prependExisting: true then puts that table back, but not what stands above it", how)
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
