package node

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
)

// ingestDir is where containerd's content store keeps downloads that have not ended.
const ingestDir = "/var/lib/containerd/io.containerd.content.v1.content/ingest"

const (
	staleAfter = 5 * time.Minute
	maxIngests = 50 // whose files are read; each is a few calls of talosctl
)

func staleIngests() Check {
	return Check{
		ID:     "stale-ingests",
		Title:  "Has a download broken off?",
		Reads:  "the downloads under `" + ingestDir + "`: when each was last written to",
		Why:    "A download that hangs holds the lock of its layer: a later pull of the same layer waits, or is told that it is locked, although the registry is fine again.",
		Fails:  "It warns about a download that nobody has written to for five minutes.",
		Mend:   "Pull again; if the same one stays, restart containerd, whose locks are in its memory.",
		Limits: "A very slow registry may look like a broken one. Of an archive, the age counts up to the newest file in it.",
		run:    func(ctx context.Context, x *exam) Result { return x.staleIngests(ctx) },
	}
}

func (x *exam) staleIngests(ctx context.Context) Result {
	if x.Files == nil {
		return skip(noNode)
	}
	entries, err := x.Files.ReadDir(ctx, ingestDir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !x.hasStore(ctx):
		return skip("what can be read of the node has no content store of containerd's at %s", path.Dir(ingestDir))
	case errors.Is(err, fs.ErrNotExist):
		return Result{Status: Pass, Evidence: []string{"no download has ever been going on: " + ingestDir + " does not exist"}}
	case errors.Is(err, errTooMany):
		return Result{Status: Warn, Evidence: []string{ingestDir + " " + reason(err)}, Fix: restartContainerd}
	case err != nil:
		r := skip("%s %s", ingestDir, reason(err))
		if errors.Is(err, fs.ErrPermission) {
			r.Fix = "run doctor as root: only root may read containerd's store"
		}
		return r
	}
	var f finding
	now := x.now()
	stale, unknown := 0, 0
	for i, e := range entries {
		if !e.Type.IsDir() {
			continue
		}
		at := e.ModTime
		if i < maxIngests {
			at = x.lastWritten(ctx, e)
		}
		switch age := now.Sub(at); {
		case at.IsZero():
			unknown++
		case age > staleAfter:
			stale++
			if stale <= 5 {
				f.add(Warn, "%s was last written to %s ago", x.ingestName(ctx, e), age.Round(time.Minute))
			}
		}
	}
	if stale > 5 {
		f.note("%d more", stale-5)
	}
	if unknown > 0 {
		f.note("of %d downloads it is not known when they were last written to", unknown)
	}
	if stale == 0 {
		f.add(Pass, "%d downloads, none of them older than %s", len(entries), staleAfter)
	} else {
		f.mend(restartContainerd)
	}
	return f.Result
}

const restartContainerd = "pull the image again; if the download stays: systemctl restart containerd, on Talos: talosctl -n <node> service cri restart, or reboot the node"

func (x *exam) hasStore(ctx context.Context) bool {
	_, err := x.Files.ReadDir(ctx, path.Dir(ingestDir))
	return err == nil
}

// lastWritten is the newest time that the download's own files tell: containerd notes one in updatedat, and
// data grows.
func (x *exam) lastWritten(ctx context.Context, e Entry) time.Time {
	dir := path.Join(ingestDir, e.Name)
	at := time.Time{}
	if text, err := x.Files.ReadFile(ctx, path.Join(dir, "updatedat"), 256); err == nil {
		if noted, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(text))); err == nil {
			at = noted
		}
	}
	files, _ := x.Files.ReadDir(ctx, dir)
	for _, f := range files {
		if f.Type.IsRegular() && f.ModTime.After(at) && (f.Name == "data" || at.IsZero()) {
			at = f.ModTime
		}
	}
	if at.IsZero() {
		at = e.ModTime
	}
	return at
}

// ingestName is the reference that containerd gave the download, which names a digest, or else its folder.
func (x *exam) ingestName(ctx context.Context, e Entry) string {
	if ref, err := x.Files.ReadFile(ctx, path.Join(ingestDir, e.Name, "ref"), 4<<10); err == nil && len(ref) > 0 {
		return "download " + line(string(ref))
	}
	return "download " + shownName(e.Name)
}
