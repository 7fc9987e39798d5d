package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

func (x *run) mirrorConfig(ctx context.Context) Result {
	h := x.hostsDirs(ctx)
	there := h.There()
	switch {
	case h.Refused: // whatever lies there
	case h.Guess && len(there) == 0:
		return skip("%s", cmp.Or(list(h.Unread), noContainerd))
	case len(h.Dirs) == 1 && h.Dirs[0].Err != nil && !nodefs.IsMissing(h.Dirs[0].Err) && !errors.Is(h.Dirs[0].Err, nodefs.ErrRelative):
		return skip("%s (%s) %s", redact.Path(h.Dirs[0].Path), h.From, nodefs.Reason(h.Dirs[0].Err))
	}
	var f Result
	x.describe(ctx, h, &f)
	x.spegelAside(ctx, h, &f)
	known := x.matcher(ctx)
	for _, d := range there {
		x.hostsFiles(ctx, d, known, &f)
		x.displaced(ctx, d, &f)
	}
	x.matchList(ctx, &f)
	return f.unless(slices.Concat(h.Unread, h.Unsure))
}

// describe says which directories containerd reads, and how many entries each has.
func (x *run) describe(ctx context.Context, h *containerd.HostsDirs, f *Result) {
	filled := 0
	for i, d := range h.Dirs {
		which := "the hosts directory is " + redact.Path(d.Path)
		if len(h.Dirs) > 1 {
			which = fmt.Sprintf("hosts directory %d of %d is %s", i+1, len(h.Dirs), redact.Path(d.Path))
		}
		switch {
		case nodefs.IsMissing(d.Err) && len(h.Dirs) == 1:
			f.add(Pass, "%s (%s) does not exist: containerd asks each registry itself", redact.Path(d.Path), h.From)
		case nodefs.IsMissing(d.Err):
			f.add(Pass, "%s (%s), which does not exist", which, h.From)
		case d.Err != nil:
			f.add(Warn, "%s (%s), which %s", which, h.From, nodefs.Reason(d.Err))
			if errors.Is(d.Err, nodefs.ErrRelative) {
				f.fix("write config_path of containerd's registry configuration, which is read when containerd starts, and Spegel's containerdRegistryConfigPath from the root")
			}
		default:
			f.add(Pass, "%s (%s), with %d entries", which, h.From, len(d.Entries))
			filled += len(d.Entries)
		}
	}
	if len(h.Mirrored) > 0 {
		f.add(Warn, "containerd reads no hosts directory, and nothing that Spegel writes: %s sets registry.mirrors, which is deprecated, for %s", h.From, few(names(h.Mirrored)))
		f.fix("set config_path in its place, with a hosts file for each of these registries; containerd reads it when it starts")
	}
	if h.List && filled > 0 {
		x.describeList(ctx, f)
	}
	if h.Refused {
		f.add(Fail, "%s", refused)
		f.fix("%s", x.fixRefused(ctx))
	}
	if len(h.TLS) > 0 { // ValidatePluginConfig of 1.5 to 1.7; RegistryConfig of 2.2 has no tls
		f.add(Warn, "containerd's configuration sets config_path and, in registry.configs, a tls for %s: containerd 1.5 to 1.7 refuse that, and pull no image for Kubernetes; 2.2 and newer ignore the tls", few(names(h.TLS)))
		f.fix("take tls out of registry.configs, name its files in a hosts file for each of these registries, and: %s", x.distribution(ctx).Restart)
	}
}

const noContainerd = "the node has no configuration of containerd's, and no hosts directory, where they usually are"

// refused is what ValidateImageConfig of containerd 2 does, and ValidatePluginConfig of 1.5 to 1.7.
const refused = "containerd's configuration sets registry.mirrors and config_path, which containerd refuses: from its next start on, if not now, it pulls no image for Kubernetes"

func (x *run) fixRefused(ctx context.Context) string {
	return "take registry.mirrors out of containerd's configuration, with a hosts file for each of these registries in its place, and: " + x.distribution(ctx).Restart
}

// describeList says whether containerd reads a list of directories. The transfer service, by which containerd pulls since 2.1, takes
// it for the name of one (internal/cri/server/images of 2.2 and 2.4); pulling by itself containerd reads each.
func (x *run) describeList(ctx context.Context, f *Result) {
	if option := x.node.Config(ctx).LocalPull(); option != "" {
		f.note("containerd reads them all: by %s of its configuration it does not pull through its transfer service", option)
		return
	}
	f.add(Warn, "containerd 2.1 to 2.4 pull through the transfer service, which takes the list of directories for the name of one, and then read none of them (github.com/containerd/containerd/issues/12808); older ones read them all")
	how := "set use_local_image_pull = true in [plugins.'" + containerd.ImagesPlugin + "'] of containerd's configuration: it then reads each directory, with the certificates that are there for a registry"
	d := x.distribution(ctx)
	f.fix("%s%s, and: %s", how, d.Configure, d.Restart)
}

// spegelAside says where Spegel writes where containerd is told not to look.
func (x *run) spegelAside(ctx context.Context, h *containerd.HostsDirs, f *Result) {
	p, err := x.spegelHere(ctx)
	written := x.written(ctx)
	if err == nil && !p.Writes || written == "" || slices.Contains(h.Paths(), written) {
		return
	}
	f.add(Warn, "Spegel is told to write to %s, and containerd is told to read %s", redact.Path(written), cmp.Or(redact.Path(strings.Join(h.Paths(), ":")), "no hosts directory"))
	f.fix("set config_path of containerd's registry configuration to %s, which is read when containerd starts, or Spegel's containerdRegistryConfigPath to what containerd reads", word(written))
}

// matchList compares the folders of the directory that Spegel writes with the list that it was given.
func (x *run) matchList(ctx context.Context, f *Result) {
	p, err := x.spegelHere(ctx)
	switch {
	case err != nil:
		f.note("not compared with Spegel's list: %s", redact.Line(err.Error()))
		return
	case !p.Writes:
		f.note("Spegel writes no hosts files here (containerdMirrorAdd is false)")
		return
	case p.Unread:
		f.note("not compared with Spegel's list, which is in a Secret or ConfigMap")
		return
	case x.written(ctx) == "":
		return
	}
	entries, err := x.Files.ReadDir(ctx, x.written(ctx))
	if err != nil {
		return
	}
	want := map[string]bool{}
	for _, m := range p.Mirrors {
		if u, err := url.Parse(m); err == nil {
			m = cmp.Or(u.Host, m)
		}
		want[m] = true
	}
	delete(want, "*")
	if p.Everything() {
		want[hostsfile.DefaultDir] = true
	}
	var extra []string
	for _, e := range entries {
		// A private registry's may hold settings of its own, and Spegel's start would remove it.
		if e.Name != hostsfile.BackupDir && !e.Type.IsRegular() && !want[e.Name] && !x.isPrivate(hostsfile.RegistryOf(e.Name)) {
			extra = append(extra, redact.Name(e.Name))
		}
		delete(want, e.Name)
	}
	if len(want)+len(extra) == 0 {
		f.note("the folders are those of Spegel's list")
		return
	}
	if len(want) > 0 {
		f.add(Warn, "on the list of DaemonSet %s and without a folder: %s", redact.Name(p.String()), few(names(slices.Sorted(maps.Keys(want)))))
	}
	if len(extra) > 0 {
		f.add(Warn, "a folder, and not on the list of DaemonSet %s: %s", redact.Name(p.String()), few(extra))
	}
	f.fix("%s", x.restart(ctx))
}
