package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

func mirrorConfig() Check {
	return Check{
		ID:    "mirror-config",
		Title: "Does the node send containerd to Spegel for a private registry?",
		Reads: "containerd's hosts directories: those that `config_path` of its configuration names, imported files included, or the one that Spegel's DaemonSet names (of several, that of the one with a pod on the node, or else of each), or where it usually is (`/etc/cri/conf.d/hosts` on Talos, `/var/lib/rancher/k3s/agent/etc/containerd/certs.d`, the same of `rke2`, `/var/snap/microk8s/current/args/certs.d`, `/etc/containerd/certs.d`); `registry.mirrors` of its configuration where that has no `config_path`; and the list that Spegel's pod on the node was given",
		Why:   "containerd reads `<registry>/hosts.toml`, or else `_default/hosts.toml`, and asks the mirrors in it before the registry. Spegel writes `_default` when it has no list. Its peers don't have a private image and answer \"not found\", and that is the error that a pod shows, whatever else went wrong after it. With several directories in `config_path` the first one decides that has a folder for the registry or a `_default`.",
		Fails: "It fails if a `_default`, or the folder of a private registry, points at Spegel, as a host or as its `server`, or `registry.mirrors` does for one or for `*`. It warns about what could not be read or used of containerd's configuration, a relative `config_path` included, about a `config_path` that lists several directories, if there is anything in them, about `registry.mirrors`, which containerd calls deprecated, about a file that containerd can't read, about folders that don't match Spegel's list, about a `server` in place of a private registry, about a mirror that an older Spegel may have left, and about a hosts file of a private registry that Spegel moved to `_backup`.",
		Mend: "List the registries to mirror in `spegel.mirroredRegistries` and restart Spegel; on one node, as a stopgap, remove the folder. containerd reads the directory anew for every pull, and `config_path` only when it starts. " +
			"k3s and RKE2 write a folder for each registry that `/etc/rancher/k3s/registries.yaml` or `/etc/rancher/rke2/registries.yaml` lists as a mirror, and `_default` for `*`: list them there, and restart k3s or RKE2.",
		Limits: "containerd's command line is not read: its configuration is the first one of Talos, k3s, RKE2, MicroK8s (`/var/snap/microk8s/current/args/containerd.toml`), k0s (`/etc/k0s/containerd.toml`) and `/etc/containerd/config.toml` that does not turn off the plugin that serves Kubernetes, as Docker's own does. " +
			"Spegel is told by the ports that its DaemonSets point containerd to (with `--kubeconfig`); where no cluster tells them, by how it writes itself: plain HTTP, and the chart's ports, or a loopback address, or an address with a `dial_timeout` of 200ms; that of k3s and RKE2 (`embedded-registry: true`) by HTTPS and port 6443 or 9345 of the node itself; the evidence says by which, and what looks like it and is not taken for it. Without a cluster, an older Spegel on another port may look like somebody else's mirror, and a mirror of one's own on the node like Spegel. " +
			"Which version of containerd runs is not known: without a `config_path`, 2.2 reads `/etc/containerd/certs.d` and `/etc/docker/certs.d`, and an older one no directory, so what would fail there is a warning. " +
			"Imported files are merged as containerd 2 does; an older one replaces all settings of a plugin. " +
			"A `server` that is not the registry is asked in its place, which containerd documents as the way to use nothing but a mirror (docs/hosts.md of containerd 2.2); only that server knows whether it is one. " +
			"A private registry that nobody names is not known to be private.",
		run: func(ctx context.Context, x *exam) Result { return x.mirrorConfig(ctx) },
	}
}

func (x *exam) mirrorConfig(ctx context.Context) Result {
	if x.Files == nil {
		return skip(noNode)
	}
	h := x.hostsDirectories(ctx)
	there := h.there()
	switch _, d := h.readable(); {
	case len(there) == 0 && h.guess && !x.hasContainerd(ctx):
		return skip("what can be read of the node has no folder of containerd's configuration, so there is no hosts directory to judge")
	case d != nil && len(h.dirs) == 1 && !errors.Is(d.err, errRelative):
		return skip("%s (%s) %s", shownPath(d.path), h.from, reason(d.err))
	}
	var f finding
	h.describe(&f)
	x.spegelAside(ctx, h, &f)
	known := x.signs(ctx)
	x.judgeMirrors(h, known, &f)
	for i, d := range there {
		before := there[:i]
		if h.any {
			before = nil
		}
		x.hostsFiles(ctx, d, before, known, &f)
		x.displaced(ctx, d, &f)
	}
	x.matchList(ctx, slices.Concat(there, h.aside), &f)
	known.note(&f)
	if h.unsure != "" && f.Status == Fail {
		f.Status = Warn
	}
	return f.Result
}

// describe says which directories containerd reads, and how many entries each has.
func (h *hostsDirs) describe(f *finding) {
	filled := 0
	for i, d := range h.dirs {
		which := "the hosts directory is " + shownPath(d.path)
		if len(h.dirs) > 1 {
			which = fmt.Sprintf("hosts directory %d of %d is %s", i+1, len(h.dirs), shownPath(d.path))
		}
		switch {
		case isMissing(d.err) && len(h.dirs) == 1:
			f.add(Pass, "%s (%s) does not exist: containerd asks each registry itself", shownPath(d.path), h.from)
		case isMissing(d.err):
			f.add(Pass, "%s (%s), which does not exist", which, h.from)
		case d.err != nil:
			f.add(Warn, "%s (%s), which %s", which, h.from, reason(d.err))
			if errors.Is(d.err, errRelative) {
				f.mend("write config_path of containerd's registry configuration, which is read when containerd starts, and Spegel's containerdRegistryConfigPath from the root")
			}
		default:
			f.add(Pass, "%s (%s), with %d entries", which, h.from, len(d.entries))
			filled += len(d.entries)
		}
	}
	if h.any {
		f.add(Warn, "containerd reads one of them, and it is not known which: %s", errWhich)
	}
	if len(h.dirs) > 1 && !h.any && filled > 0 {
		f.add(Warn, "containerd 2.1 and 2.2 may take the list of directories for the name of one, and then read none of them (github.com/containerd/containerd/issues/12808)")
		f.mend("name one directory, and no list, in config_path of containerd's registry configuration, which is read when containerd starts")
	}
	if h.unsure != "" && filled > 0 {
		f.add(Warn, "%s", h.unsure)
	}
	for _, note := range slices.Concat(h.unread, h.notes) {
		f.add(Warn, "%s", note)
	}
}

// spegelAside tells that Spegel writes where containerd is told not to look.
func (x *exam) spegelAside(ctx context.Context, h *hostsDirs, f *finding) {
	p, err := x.spegelHere(ctx)
	if err == nil && !p.Writes || len(h.aside) == 0 {
		return
	}
	f.add(Warn, "Spegel is told to write to %s, and containerd is told to read %s", shownPath(h.aside[0].path), orNothing(h.paths()))
	f.mend("set config_path of containerd's registry configuration to %s, which is read when containerd starts, or Spegel's containerdRegistryConfigPath to what containerd reads", word(h.aside[0].path))
}

func (x *exam) hasContainerd(ctx context.Context) bool {
	return slices.ContainsFunc(append(knownHostsDirs(), containerdConfigs()...), func(name string) bool {
		entries, err := x.Files.ReadDir(ctx, path.Dir(name))
		return err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist)
	})
}
