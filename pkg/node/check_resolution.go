package node

import (
	"cmp"
	"context"
	"errors"
	"path"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

func resolution() Check { return newCheck("resolution", (*run).resolution) }

func (x *run) resolution(ctx context.Context) Result {
	switch {
	case x.Files == nil:
		return skip(noNode)
	case x.image == nil:
		return skip("no image to look for: name one with --image")
	}
	host := reference.Domain(x.image)
	h := x.hostsDirs(ctx)
	if h.Guess && len(h.There()) == 0 && !x.hasContainerd(ctx) {
		return skip("what can be read of the node has no folder of containerd's configuration, so whom containerd asks is not known")
	}
	r, err := x.resolve(ctx, host)
	if errors.As(err, new(*containerd.UnreadError)) {
		return skip("whom containerd asks is not known: %s", err)
	}
	if err != nil {
		var f finding
		f.add(Fail, "containerd can't make out whom to ask: %s", redact.Line(err.Error()))
		f.fix("mend the hosts file of %s", word(host))
		return f.Result
	}
	result := x.judgeResolution(ctx, host, r)
	if h.Unsure != "" && result.Status == Fail {
		result.Status = Warn
		result.Evidence = append(result.Evidence, h.Unsure)
	}
	return result.unless(h.Unread)
}

// verdict is what a resolution comes to: who is asked for the name, and who for the content behind it.
type verdict struct {
	asked           int  // hosts that are asked for the image as it is named
	spegel, direct  bool // Spegel, or another host, is one of them
	content, behind bool // Spegel is asked for content by digest alone, and another host is too
	itself          bool // the registry itself is one of those others
}

// judgeResolution judges whom containerd asks for the image.
func (x *run) judgeResolution(ctx context.Context, host string, r *containerd.Resolution) Result {
	needs := docker.HostCapabilityPull
	if _, byDigest := x.image.(reference.Digested); !byDigest {
		needs |= docker.HostCapabilityResolve
	}
	var f finding
	why := cmp.Or(r.Why, "no folder of the hosts directory is for it")
	if r.Folder != "" {
		why = "as " + redact.Path(r.Folder) + " says"
	}
	if r.Lost {
		why += ", except for a mistake in its " + nodefs.HostsToml
	}
	f.note("%s is asked of (%s):", shownImage(x.image), why)
	var v verdict
	known := x.matcher(ctx)
	for _, h := range r.Hosts {
		v.count(h, known.isSpegelHost(h.RegistryHost, &r.File, host), host, needs, &f)
	}
	v.judge(redact.Name(host), x.isPrivate(host), &f)
	if r.Folder != "" && f.Status != Pass && (v.spegel || v.content || v.asked == 0) {
		x.fixList(&f, r.Folder, &r.File)
	}
	if r.Why != "" && v.spegel && f.Status != Pass {
		fixMirrors(&f)
	}
	if v.spegel {
		x.wayBack(ctx, host, &f)
	}
	if v.direct && !v.itself {
		f.add(Warn, "%s itself is never asked: pulls fail unless what stands in its place is a mirror of it", redact.Name(host))
		f.fix("unless it is meant so, take the line of server out of %s, or have it name the registry", word(path.Join(r.Folder, nodefs.HostsToml)))
	}
	return f.Result
}

// count takes the next host of the resolution of a registry.
func (v *verdict) count(h containerd.Host, spegel bool, registry string, needs docker.HostCapabilities, f *finding) {
	pulls := h.Capabilities.Has(docker.HostCapabilityPull)
	v.behind = v.behind || pulls && !spegel
	v.itself = v.itself || pulls && !spegel && containerd.IsRegistry(h.Host, registry)
	if !h.Capabilities.Has(needs) {
		f.note("  never: %s may not %s", redact.Line(h.URL()), missing(h.Capabilities, needs))
		if spegel && pulls {
			v.content = true
			f.note("    but that is Spegel, and once the tag is resolved it is asked for the content, by digest")
		}
		return
	}
	v.asked++
	name := ""
	if spegel {
		name, v.spegel = ", which is Spegel", true
	} else {
		v.direct = true
	}
	f.note("  %d. %s%s", v.asked, redact.Line(h.URL()), name)
}

// judge says what the resolution means. A host that fails, also with "not found", makes containerd ask the next one, and the
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
func (x *run) wayBack(ctx context.Context, host string, f *finding) {
	for _, d := range x.hostsDirs(ctx).There() {
		for _, name := range containerd.FoldersFor(host) {
			backup := path.Join(d.Path, containerd.BackupDir, name)
			file, err := x.node.HostsFile(ctx, backup)
			if name == containerd.DefaultDir || err != nil || len(file.Own) == 0 && file.Server == "" {
				continue
			}
			f.add(Warn, "the registry's own settings (%s) are in %s, where containerd does not look: the way back may fail", summary(&file), path.Join(d.Path, containerd.BackupDir, redact.Name(name)))
			f.fix("once the registry is off Spegel's list, and again after each start of Spegel, which removes it, on this node: cp -r %s %s", word(backup), word(d.Path))
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
func shownImage(named reference.Named) string { return redact.Printable(named.String()) }
