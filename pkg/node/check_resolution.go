package node

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"
)

func resolution() Check {
	return Check{
		ID:    "resolution",
		Title: "Whom would containerd ask for this image, and in which order?",
		Reads: "the node's hosts directory, through containerd's own resolver, for the image of `--image`",
		Why:   "The answer is one of three: direct; through Spegel, then the registry; through Spegel with no way back. A \"not found\" of Spegel weighs more with containerd than a registry that it can't reach or whose certificate it does not trust, so the pod shows \"not found\" and hides the real reason.",
		Fails: "It fails if there is no way from Spegel back to the registry, and if Spegel is asked for a private registry at all. It warns if the way back needs settings that Spegel moved to `_backup`.",
		Mend:  "What mends `mirror-config` mends this. With no way back, the hosts file lacks a `server`, or names one that may not pull.",
		Limits: "It tells whom containerd asks, not what they answer. Keys are not read: in place of a client's certificate it takes one made up. " +
			"The resolver is that of containerd 2.2; a node with another version may take a file otherwise.",
		run: func(ctx context.Context, x *exam) Result { return x.resolution(ctx) },
	}
}

func (x *exam) resolution(ctx context.Context) Result {
	switch {
	case x.Files == nil:
		return skip(noNode)
	case x.image == nil:
		return skip("no image to look for: name one with --image")
	}
	host := reference.Domain(x.image)
	if h := x.hostsDirectory(ctx); h.err != nil && h.from == "where it usually is" && !x.hasContainerd(ctx) {
		return skip("what can be read of the node has no folder of containerd's configuration, so whom containerd asks is not known")
	}
	r, err := x.route(ctx, host)
	if errors.As(err, new(*unreadError)) {
		return skip("whom containerd asks is not known: %s", err)
	}
	if err != nil {
		var f finding
		f.add(Fail, "containerd can't make out whom to ask: %s", line(err.Error()))
		f.mend("mend the hosts file of %s", word(host))
		return f.Result
	}
	return x.judgeRoute(ctx, host, r)
}

// judgeRoute judges whom containerd asks for the image.
func (x *exam) judgeRoute(ctx context.Context, host string, r *route) Result {
	needs := docker.HostCapabilityPull
	if _, byDigest := x.image.(reference.Digested); !byDigest {
		needs |= docker.HostCapabilityResolve
	}
	var f finding
	why := "no folder of the hosts directory is for it"
	if r.dir != "" {
		why = "as " + path.Join(x.hosts.path, shownName(r.dir)) + " says"
	}
	if r.lost {
		why += ", but for a mistake in its " + hostsToml
	}
	f.note("%s is asked of (%s):", shownImage(x.image), why)
	spegel, last, asked := false, -1, 0
	for i, h := range r.hosts {
		if !h.Capabilities.Has(needs) {
			f.note("  never: %s may not %s", line(h.url()), missing(h.Capabilities, needs))
			if h.spegel && h.Capabilities.Has(docker.HostCapabilityPull) {
				f.note("    but once a host below has resolved the tag, it is asked for the content, by digest")
			}
			continue
		}
		asked++
		name := ""
		if h.spegel {
			name, spegel = ", which is Spegel", true
		} else {
			last = i
		}
		f.note("  %d. %s%s", asked, line(h.url()), name)
	}
	private := x.isPrivate(host)
	switch {
	case asked == 0:
		f.add(Fail, "nobody: no host may be asked for it, so every pull fails with \"not found\"")
	case !spegel:
		f.add(Pass, "direct: Spegel is not asked")
	case last < 0:
		f.add(Fail, "through Spegel with no way back: what no peer has is \"not found\"")
	case private:
		f.add(Fail, "through Spegel, then the registry, and %s is private: its \"not found\" hides why the registry can't be reached", shownName(host))
	default:
		f.add(Pass, "through Spegel, then the registry")
	}
	if f.Status == Fail && r.dir != "" {
		x.mendList(&f, path.Join(x.hosts.path, r.dir))
	}
	if spegel {
		x.wayBack(ctx, host, &f)
	}
	return f.Result
}

// wayBack looks for settings of the registry that Spegel has put aside.
func (x *exam) wayBack(ctx context.Context, host string, f *finding) {
	for _, dir := range hostDirs(host) {
		backup := path.Join(x.hosts.path, backupDir, dir)
		file, err := x.mirrorFile(ctx, backup)
		if dir == defaultDir || errors.As(err, new(*syntaxError)) || err != nil {
			continue
		}
		if len(file.own) > 0 || file.server != "" {
			f.add(Warn, "the registry's own settings (%s) are in %s, where containerd does not look: the way back may fail", file.summary(), path.Join(x.hosts.path, backupDir, shownName(dir)))
			f.mend("once the registry is off Spegel's list, on this node: cp -r %s %s", word(backup), word(x.hosts.path))
		}
		return
	}
}

func missing(has, needs docker.HostCapabilities) string {
	var words []string
	for _, c := range []struct {
		is   docker.HostCapabilities
		word string
	}{{docker.HostCapabilityPull, "pull"}, {docker.HostCapabilityResolve, "resolve tags"}} {
		if needs.Has(c.is) && !has.Has(c.is) {
			words = append(words, c.word)
		}
	}
	return strings.Join(words, " or ")
}

// shownImage is the whole name, as containerd has it.
func shownImage(named reference.Named) string { return line(named.String()) }
