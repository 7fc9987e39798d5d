package node

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// contentStore is the folder of containerd's content store, below containerd's root, and ingests the folder in it that
// keeps downloads that have not ended.
const (
	contentStore = "io.containerd.content.v1.content"
	ingests      = "ingest"
)

const (
	staleAfter = 5 * time.Minute
	maxIngests = 50 // whose files are read; each is a few calls of talosctl
)

func staleIngests() Check {
	return Check{
		ID:     "stale-ingests",
		Title:  "Has a download broken off?",
		Reads:  "the downloads in `" + contentStore + "/" + ingests + "` below containerd's root: the `root` of its configuration, or `/var/lib/rancher/k3s/agent/containerd`, the same of `rke2`, `/var/snap/microk8s/common/var/lib/containerd`, `/var/lib/k0s/containerd`, `/var/lib/containerd`; and when each was last written to",
		Why:    "A download that hangs holds the lock of its layer: a later pull of the same layer waits, or is told that it is locked, although the registry is fine again.",
		Fails:  "It warns about a download that nobody has written to for five minutes, and about what could not be read or used of containerd's configuration, which may name another root.",
		Mend:   "Pull again; if the same one stays, restart containerd, whose locks are in its memory: with k3s, RKE2 and k0s that is their own service; Talos restarts it with the node only.",
		Limits: "A very slow registry may look like a broken one. Of an archive, the age counts up to the newest file in it; a download whose `data` is not in it may still go on, so it is not judged.",
		run:    func(ctx context.Context, x *exam) Result { return x.staleIngests(ctx) },
	}
}

func (x *exam) staleIngests(ctx context.Context) Result {
	if x.Files == nil {
		return skip(noNode)
	}
	store, ok := x.contentStore(ctx)
	if !ok {
		return skip("what can be read of the node has no content store of containerd's at %s", shownPath(store))
	}
	dir := path.Join(store, ingests)
	entries, err := x.Files.ReadDir(ctx, dir)
	switch {
	case isMissing(err):
		never := Result{Status: Pass, Evidence: []string{"no download has ever been going on: " + shownPath(dir) + " does not exist"}}
		return never.unless(x.containerdConfig(ctx).unread)
	case errors.Is(err, errTooMany):
		return Result{Status: Warn, Evidence: []string{shownPath(dir) + " " + reason(err)}, Fix: x.pullAgain(ctx, dir)}
	case err != nil:
		r := skip("%s %s", shownPath(dir), reason(err))
		if errors.Is(err, fs.ErrPermission) {
			r.Fix = "run doctor as root: only root may read containerd's store"
		}
		return r
	}
	return x.judgeIngests(ctx, dir, entries).unless(x.containerdConfig(ctx).unread)
}

func (x *exam) judgeIngests(ctx context.Context, dir string, entries []Entry) Result {
	var f finding
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return !e.Type.IsDir() })
	now := x.now()
	stale, unknown := 0, 0
	for _, e := range entries[:min(len(entries), maxIngests)] {
		at, seen := x.lastWritten(ctx, path.Join(dir, e.Name))
		switch age := now.Sub(at); {
		case age <= staleAfter:
		case !seen:
			unknown++
		default:
			stale++
			if stale <= 5 {
				f.add(Warn, "%s was last written to %s ago", x.ingestName(ctx, dir, e), age.Round(time.Minute))
			}
		}
	}
	if stale > 5 {
		f.note("%d more are as old", stale-5)
	}
	if unknown > 0 {
		f.add(Skip, "of %d downloads it is not known whether they go on: their data is not there to look at", unknown)
	}
	if left := len(entries) - maxIngests; left > 0 {
		f.note("%d more downloads were not looked at", left)
	}
	switch {
	case stale > 0:
		f.mend("%s", x.pullAgain(ctx, dir))
	case unknown == 0:
		f.add(Pass, "%d downloads, none of them older than %s", len(entries), staleAfter)
	}
	return f.Result
}

// pullAgain is what to do about a download that hangs. Where containerd is a child of k3s, RKE2 or k0s it restarts with them, and
// Talos' API refuses to restart its service cri.
func (x *exam) pullAgain(ctx context.Context, store string) string {
	files := x.containerdConfig(ctx).main + " " + store
	how := "systemctl restart containerd"
	switch {
	case strings.HasPrefix(files, "/etc/cri/"):
		how = "talosctl -n <node> reboot, as Talos does not restart containerd alone"
	case strings.Contains(files, "/rancher/k3s/"):
		how = "systemctl restart k3s, on an agent: systemctl restart k3s-agent"
	case strings.Contains(files, "/rancher/rke2/"):
		how = "systemctl restart rke2-server, on an agent: systemctl restart rke2-agent"
	case strings.Contains(files, "/microk8s/"):
		how = "snap restart microk8s.daemon-containerd"
	case strings.Contains(files, "/k0s/"):
		how = "systemctl restart k0sworker, on a controller: systemctl restart k0scontroller"
	}
	return "pull the image again; if the download stays: " + how
}

// contentStore is the folder of containerd's content store; ok is false if there is none, or it can't be told.
func (x *exam) contentStore(ctx context.Context) (store string, ok bool) {
	roots := containerdRoots()
	if root := x.containerdConfig(ctx).root; path.IsAbs(root) {
		roots = []string{root}
	}
	for _, root := range roots {
		store = path.Join(root, contentStore)
		if _, err := x.Files.ReadDir(ctx, store); !errors.Is(err, fs.ErrNotExist) {
			return store, true
		}
	}
	return store, false
}

// lastWritten is the newest time that the download's own files tell: containerd notes one in updatedat when it begins
// and ends, and in between the data grows. Seen tells whether the data was there to look at.
func (x *exam) lastWritten(ctx context.Context, dir string) (at time.Time, seen bool) {
	if text, err := x.Files.ReadFile(ctx, path.Join(dir, "updatedat"), 256); err == nil {
		if noted, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(text))); err == nil {
			at = noted
		}
	}
	files, _ := x.Files.ReadDir(ctx, dir)
	for _, f := range files {
		if f.Name == "data" && f.Type.IsRegular() && !f.ModTime.IsZero() {
			seen = true
			if f.ModTime.After(at) {
				at = f.ModTime
			}
		}
	}
	return at, seen
}

// ingestName is the reference that containerd gave the download, which names a digest, or else its folder.
func (x *exam) ingestName(ctx context.Context, dir string, e Entry) string {
	if ref, err := x.Files.ReadFile(ctx, path.Join(dir, e.Name, "ref"), 4<<10); err == nil && len(ref) > 0 {
		return "download " + line(string(ref))
	}
	return "download " + shownName(e.Name)
}
