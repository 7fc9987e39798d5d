package node

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxHostsFiles is how many hosts files are read, and more only of private registries and _default: through talosctl each of them is a
// call, and of the others only a mistake would be told.
const maxHostsFiles = 100

// hostsFiles judges the files of a directory, _default and private registries first, except for those that containerd never reads, as it
// finds what it looks for before them.
func (x *run) hostsFiles(ctx context.Context, h *containerd.HostsDir, known spegelMatcher, f *Result) {
	var first, others []string
	hidden := 0
	for _, e := range h.Entries {
		important := e.Name == hostsfile.DefaultDir || x.isPrivate(hostsfile.RegistryOf(e.Name))
		folder := path.Join(h.Path, e.Name)
		switch {
		case e.Name == hostsfile.BackupDir || e.Type.IsRegular() && !important:
		case x.hostsDirs(ctx).Folder(sampleOf(folder)) != folder:
			hidden++
		case important:
			first = append(first, e.Name)
		default:
			others = append(others, e.Name)
		}
	}
	left := max(0, len(others)-max(0, maxHostsFiles-len(first)))
	for _, dir := range slices.Concat(first, others[:len(others)-left]) {
		x.judgeHostsFile(ctx, h, dir, known, f)
	}
	if hidden > 0 {
		f.note("%d folders of %s are never read: another one comes before each of them", hidden, redact.Path(h.Path))
	}
	if left > 0 {
		f.note("%d more folders were not read; none of them is of a private registry or _default", left)
	}
}

func (x *run) judgeHostsFile(ctx context.Context, h *containerd.HostsDir, dir string, known spegelMatcher, f *Result) {
	folder, registry := path.Join(h.Path, dir), hostsfile.RegistryOf(dir)
	at := path.Join(folder, nodefs.HostsToml)
	file, err := x.node.HostsFile(ctx, folder)
	place := "private registry " + redact.Name(registry)
	if dir == hostsfile.DefaultDir {
		place = everyOther
	}
	important := place == everyOther || x.isPrivate(registry)
	switch wrong := (*hostsfile.SyntaxError)(nil); {
	case errors.As(err, &wrong):
		f.add(Warn, "%s: %s; containerd ignores the whole file and asks the registry itself", redact.Path(at), wrong)
		f.fix("%s", x.edit(ctx, at, "fix or remove the file"))
		return
	case nodefs.IsMissing(err): // certificates may lie there without a hosts.toml
		if _, err := x.Files.ReadDir(ctx, folder); important || errors.Is(err, nodefs.ErrNotFolder) {
			x.judgeUse(ctx, folder, f)
		}
		return
	case err != nil:
		f.add(Warn, "%s", nodefs.Unread(at, err))
		return
	case !important:
		return
	}
	if spegel := known.spegelIn(&file, registry, f); len(spegel) > 0 && x.judgeSpegel(ctx, folder, &file, list(spegel), place, f) {
		return
	}
	if server := file.Instead(registry); server != "" {
		f.add(Warn, "%s has server %s in place of %s: the registry itself is never asked, and pulls may fail unless that is a mirror of it", redact.Path(at), redact.Quote(server), place)
		f.fix("unless it is meant so: %s", x.edit(ctx, at, "take out the line of server, or have it name the registry"))
	}
	if len(file.Own) > 0 {
		x.judgeUse(ctx, folder, f)
	}
}

// judgeSpegel judges the file of a private registry, or a _default, that names Spegel, and reports whether it sends containerd there.
func (x *run) judgeSpegel(ctx context.Context, folder string, file *hostsfile.File, spegel, place string, f *Result) bool {
	name := redact.Path(path.Join(folder, nodefs.HostsToml))
	status, how, sample := Fail, "", sampleOf(folder)
	if place == everyOther && x.haveFolders(ctx) {
		place, status = "every registry without a folder of its own; each private registry that is named has one", Warn
	}
	if r, err := x.resolve(ctx, sample); err == nil && r.Folder == folder {
		switch o := x.orderOf(ctx, r, sample, docker.HostCapabilityPull|docker.HostCapabilityResolve); {
		case !o.hasSpegel():
			f.note("%s names Spegel (%s), and containerd does not ask it: it takes tables [host.\"URL\"] alone, and of those the ones that may pull", name, spegel)
			return false
		case !o.spegelFirst():
			status = Warn
			how = ", after " + strings.Join(o.content[:slices.Index(o.content, spegelName)], ", then ") + ","
		}
	}
	status = milder(status, x.worst(folder, f))
	f.add(status, "%s sends containerd to Spegel (%s)%s for %s", name, spegel, how, place)
	if status != Pass {
		x.fixFolder(ctx, folder, file, f)
	}
	return true
}

// sampleOf is a registry that a folder decides for.
func sampleOf(folder string) string {
	if name := path.Base(folder); name != hostsfile.DefaultDir {
		return hostsfile.RegistryOf(name)
	}
	return "registry.invalid"
}

// worst is how bad it is at most that Spegel is asked for a private registry as a folder says, by the rules of the policy about
// what makes Spegel write such a folder: the mildest, as a _default does not show by which it came.
func (x *run) worst(folder string, f *Result) Status {
	rules := []string{"private-registry-mirrored"}
	if path.Base(folder) == hostsfile.DefaultDir {
		rules = []string{"empty-mirror-list", "wildcard-mirror"}
	}
	worst, by := Fail, ""
	for _, rule := range rules {
		severity := x.Severities[rule]
		status := map[validate.Severity]Status{validate.Warn: Warn, validate.Off: Pass}[severity]
		if status != "" && milder(status, worst) != worst {
			worst, by = status, rule+": "+string(severity)
		}
	}
	if by != "" {
		f.note("the policy lowers this: %s", by)
	}
	return worst
}

// everyOther is what a _default is for.
const everyOther = "every registry without a folder of its own, the private ones included"

// haveFolders reports whether private registries are named and each has a folder that decides for it, so that a _default does not.
func (x *run) haveFolders(ctx context.Context) bool {
	h := x.hostsDirs(ctx)
	return len(x.Registries) > 0 && !slices.ContainsFunc(x.Registries, func(r validate.Registry) bool {
		folder := h.Folder(r.String())
		return folder == "" || path.Base(folder) == hostsfile.DefaultDir
	})
}

// judgeUse judges whether containerd can use what a folder holds.
func (x *run) judgeUse(ctx context.Context, folder string, f *Result) {
	_, err := x.resolve(ctx, sampleOf(folder))
	if err == nil {
		return
	}
	f.add(Warn, "containerd can't use %s: %s", redact.Path(folder), redact.Line(err.Error()))
	if unread := (*nodefs.UnreadError)(nil); errors.As(err, &unread) && errors.Is(err, nodefs.ErrNotGiven) {
		f.fix("hand over %s of the node too, or run doctor there", word(unread.Name))
		return
	}
	f.fix("%s", x.fixUse(ctx, folder))
}
