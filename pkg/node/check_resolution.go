package node

import (
	"cmp"
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
		Reads: "the node's hosts directory, through containerd's own resolver, or `registry.mirrors` of its configuration where it has no `config_path`, for the image of `--image`",
		Why:   "The answer is one of four: direct; through Spegel, then the registry; the tag directly and the content through Spegel; through Spegel with no way back. With containerd 2.2 a \"not found\" of Spegel weighs more than a registry that it can't reach or whose certificate it does not trust, so the pod shows \"not found\" and hides the real reason.",
		Fails: "It fails if there is no way from Spegel back to the registry, and if Spegel is asked for a private registry at all. It warns if only the content of a private registry is asked of Spegel, by digest, as with `resolveTags: false`, if a part of containerd's configuration could not be read or used, if the registry itself is never asked, as a `server` stands in its place, and if the way back needs settings that Spegel moved to `_backup`.",
		Mend:  "What mends `mirror-config` mends this. With no way back, the `server` of the hosts file is Spegel, or may not pull; without that line containerd asks the registry.",
		Limits: "It tells whom containerd asks, not what they answer. Keys are not read: in place of a client's certificate it takes one made up. " +
			"The resolver is that of containerd 2.2; a node with another version may take a file otherwise, and of several errors an older one may show the registry's own.",
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
	h := x.hostsDirectories(ctx)
	if h.guess && len(h.there()) == 0 && !x.hasContainerd(ctx) {
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
	result := x.judgeRoute(ctx, host, r)
	if h.unsure != "" && result.Status == Fail {
		result.Status = Warn
		result.Evidence = append(result.Evidence, h.unsure)
	}
	return result.unless(h.unread)
}

// verdict is what a route comes to: who is asked for the name, and who for the content behind it.
type verdict struct {
	asked           int  // hosts that are asked for the image as it is named
	spegel, direct  bool // Spegel, or another host, is one of them
	content, behind bool // Spegel is asked for content by digest alone, and another host is too
	itself          bool // the registry itself is one of those others
}

// judgeRoute judges whom containerd asks for the image.
func (x *exam) judgeRoute(ctx context.Context, host string, r *route) Result {
	needs := docker.HostCapabilityPull
	if _, byDigest := x.image.(reference.Digested); !byDigest {
		needs |= docker.HostCapabilityResolve
	}
	var f finding
	why := cmp.Or(r.why, "no folder of the hosts directory is for it")
	if r.folder != "" {
		why = "as " + shownPath(r.folder) + " says"
	}
	if r.lost {
		why += ", but for a mistake in its " + hostsToml
	}
	f.note("%s is asked of (%s):", shownImage(x.image), why)
	var v verdict
	for _, h := range r.hosts {
		v.count(h, host, needs, &f)
	}
	v.judge(shownName(host), x.isPrivate(host), &f)
	if r.folder != "" && f.Status != Pass && (v.spegel || v.content || v.asked == 0) {
		file, _ := x.mirrorFile(ctx, r.folder) // the route is what came of it
		x.mendList(&f, r.folder, &file)
	}
	if r.why != "" && v.spegel && f.Status != Pass {
		x.mendMirrors(&f)
	}
	if v.spegel {
		x.wayBack(ctx, host, &f)
	}
	if v.direct && !v.itself {
		f.add(Warn, "%s itself is never asked: pulls fail unless what stands in its place is a mirror of it", shownName(host))
		f.mend("unless it is meant so, take the line of server out of %s, or have it name the registry", word(path.Join(r.folder, hostsToml)))
	}
	return f.Result
}

// count takes the next host of a route of a registry.
func (v *verdict) count(h hop, registry string, needs docker.HostCapabilities, f *finding) {
	pulls := h.Capabilities.Has(docker.HostCapabilityPull)
	v.behind = v.behind || pulls && !h.spegel
	v.itself = v.itself || pulls && !h.spegel && isRegistry(h.Host, registry)
	if !h.Capabilities.Has(needs) {
		f.note("  never: %s may not %s", line(h.url()), missing(h.Capabilities, needs))
		if h.spegel && pulls {
			v.content = true
			f.note("    but that is Spegel, and once the tag is resolved it is asked for the content, by digest")
		}
		return
	}
	v.asked++
	name := ""
	if h.spegel {
		name, v.spegel = ", which is Spegel", true
	} else {
		v.direct = true
	}
	f.note("  %d. %s%s", v.asked, line(h.url()), name)
}

// judge says what the route means. A host that fails, also with "not found", makes containerd ask the next one, and the
// error of the first is the one that is shown if all fail.
func (v *verdict) judge(host string, private bool, f *finding) {
	way := "the registry"
	if !v.itself {
		way = "another host"
	}
	byDigest := "the tag is asked of " + way + ", and the content, by digest, of Spegel first, then of " + way
	switch {
	case v.asked == 0:
		f.add(Fail, "nobody: no host may be asked for it, so every pull fails with \"not found\"")
	case v.content && !v.behind && !v.spegel:
		f.add(Fail, "through Spegel with no way back: the tag is resolved without it, and the content is asked of Spegel alone; what no peer has is \"not found\"")
	case v.content && private && !v.spegel:
		f.add(Warn, "%s; %s is private: if it fails after the tag was resolved, Spegel's \"not found\" hides why", byDigest, host)
	case v.content && !v.spegel:
		f.add(Pass, "%s", byDigest)
	case !v.spegel:
		f.add(Pass, "direct: Spegel is not asked")
	case !v.direct:
		f.add(Fail, "through Spegel with no way back: what no peer has is \"not found\"")
	case private:
		f.add(Fail, "through Spegel, then %s, and %s is private: its \"not found\" hides why %[1]s can't be reached", way, host)
	default:
		f.add(Pass, "through Spegel, then %s", way)
	}
}

// wayBack looks for settings of the registry that Spegel has put aside.
func (x *exam) wayBack(ctx context.Context, host string, f *finding) {
	for _, d := range x.hostsDirectories(ctx).there() {
		for _, name := range hostDirs(host) {
			backup := path.Join(d.path, backupDir, name)
			file, err := x.mirrorFile(ctx, backup)
			if name == defaultDir || err != nil || len(file.own) == 0 && file.server == "" {
				continue
			}
			f.add(Warn, "the registry's own settings (%s) are in %s, where containerd does not look: the way back may fail", file.summary(), path.Join(d.path, backupDir, shownName(name)))
			f.mend("once the registry is off Spegel's list, and again after each start of Spegel, which removes it, on this node: cp -r %s %s", word(backup), word(d.path))
			return
		}
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
func shownImage(named reference.Named) string { return printable(named.String()) }
