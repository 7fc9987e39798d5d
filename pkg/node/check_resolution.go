package node

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/hostsfile"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

func (x *run) resolution(ctx context.Context) Result {
	if x.image == nil {
		return skip("no image to look for: name one with --image")
	}
	host := reference.Domain(x.image)
	h := x.hostsDirs(ctx)
	if h.Guess && len(h.There()) == 0 {
		return skip("%s", cmp.Or(list(h.Unread), noContainerd))
	}
	if h.Refused {
		return Result{Status: Fail, Evidence: []string{refused}, Fix: x.fixRefused(ctx)}.unless(h.Unread)
	}
	r, err := x.resolve(ctx, host)
	if errors.As(err, new(*nodefs.UnreadError)) {
		return skip("whom containerd asks is not known: %s", err)
	}
	var f Result
	if err != nil {
		f.add(Fail, "containerd can't make out whom to ask: %s", redact.Line(err.Error()))
		f.fix("%s", x.fixUse(ctx, h.Folder(host)))
	} else {
		f = x.judgeResolution(ctx, host, r)
	}
	if h.Folder(host) != "" {
		f = f.unless(h.Unsure)
	}
	return f.unless(h.Unread)
}

// judgeResolution judges whom containerd asks for the image.
func (x *run) judgeResolution(ctx context.Context, host string, r *containerd.Resolution) Result {
	needs := docker.HostCapabilityPull
	if _, byDigest := x.image.(reference.Digested); !byDigest {
		needs |= docker.HostCapabilityResolve
	}
	var f Result
	why := "no folder of the hosts directory is for it"
	if r.Folder != "" {
		why = "as " + redact.Path(r.Folder) + " says"
	}
	if r.Lost {
		why += ", except for a mistake in its " + nodefs.HostsToml
	}
	f.note("%s is asked of (%s):", redact.Printable(x.image.String()), why)
	o := x.orderOf(ctx, r, host, needs)
	f.Evidence = append(f.Evidence, o.lines...)
	private, worst := x.isPrivate(host), Fail
	if private && o.hasSpegel() {
		worst = x.worst(r.Folder, &f)
	}
	o.judge(redact.Name(host), private, worst, &f)
	if r.Folder != "" && (f.Status != Pass && o.hasSpegel() || len(o.name) == 0) {
		x.fixFolder(ctx, r.Folder, &r.File, &f)
	}
	if slices.Contains(o.name, spegelName) {
		x.wayBack(ctx, host, &f)
	}
	if !slices.Contains(o.content, registryName) && slices.ContainsFunc(o.name, func(name string) bool { return name != spegelName }) {
		f.add(Warn, "%s itself is never asked: pulls may fail unless what stands in its place is a mirror of it", redact.Name(host))
		f.fix("unless it is meant so: %s", x.edit(ctx, path.Join(r.Folder, nodefs.HostsToml), "take out the line of server, or have it name the registry"))
	}
	return f
}

// wayBack looks for settings of the registry that Spegel has put aside.
func (x *run) wayBack(ctx context.Context, host string, f *Result) {
	for _, d := range x.hostsDirs(ctx).There() {
		for _, name := range hostsfile.Folders(host) {
			what, server := x.lost(ctx, d, name, f)
			if name == hostsfile.DefaultDir || what == "" {
				continue
			}
			f.add(Warn, "the way back may fail: containerd does not look into %s, where the registry has %s", redact.Path(path.Join(d.Path, hostsfile.BackupDir, name)), what)
			x.fixDisplaced(ctx, d, name, server, f)
			return
		}
	}
}
