package node

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/distribution"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

const (
	staleAfter = 5 * time.Minute
	maxIngests = 50 // whose files are read; each is a few calls of talosctl
)

func (x *run) staleIngests(ctx context.Context) Result {
	store, ok := x.contentStore(ctx)
	if !ok {
		return skip("what can be read of the node has no content store of containerd's at %s", redact.Path(store))
	}
	dir := path.Join(store, nodefs.Ingests)
	entries, err := x.Files.ReadDir(ctx, dir)
	switch {
	case nodefs.IsMissing(err): // no download has ever been going on
	case errors.Is(err, nodefs.ErrTooMany):
		return Result{Status: Warn, Evidence: []string{nodefs.Unread(dir, err).Error()}, Fix: x.pullAgain(ctx, dir)}
	case err != nil:
		r := skip("%s", nodefs.Unread(dir, err))
		if errors.Is(err, fs.ErrPermission) {
			r.Fix = "only root may read containerd's store: run doctor as root, or for talosctl use a talosconfig with the role os:admin"
		}
		return r
	}
	return x.judgeIngests(ctx, dir, entries).unless(x.node.Config(ctx).Unread)
}

func (x *run) judgeIngests(ctx context.Context, dir string, entries []nodefs.Entry) Result {
	var f Result
	entries = slices.DeleteFunc(entries, func(e nodefs.Entry) bool { return !e.Type.IsDir() })
	now := x.now()
	unknown := 0
	for _, e := range entries[:min(len(entries), maxIngests)] {
		at, seen := x.lastWritten(ctx, path.Join(dir, e.Name))
		switch age := now.Sub(at); {
		case age <= staleAfter:
		case !seen:
			unknown++
		default:
			f.add(Warn, "%s was last written to %s ago", x.ingestName(ctx, dir, e), age.Round(time.Minute))
			f.fix("%s", x.pullAgain(ctx, dir))
		}
	}
	if unknown > 0 {
		f.add(Skip, "of %d downloads it is not known whether they go on: their data is not there to look at", unknown)
	}
	if left := len(entries) - maxIngests; left > 0 {
		f.note("%d more downloads were not looked at", left)
	}
	if f.Status == "" {
		f.add(Pass, "%d downloads, none of them older than %s", len(entries), staleAfter)
	}
	return f
}

// pullAgain is what to do about a download that hangs.
func (x *run) pullAgain(ctx context.Context, store string) string {
	return "pull the image again; if the download stays: " + x.distribution(ctx, store).Restart
}

// contentStore is the folder of containerd's content store; ok is false if there is none, or it can't be told.
func (x *run) contentStore(ctx context.Context) (store string, ok bool) {
	roots := distribution.Roots()
	if root := x.node.Config(ctx).Root; path.IsAbs(root) {
		roots = []string{root}
	}
	for _, root := range roots {
		store = path.Join(root, nodefs.ContentStore)
		if _, err := x.Files.ReadDir(ctx, store); !errors.Is(err, fs.ErrNotExist) {
			return store, true
		}
	}
	return store, false
}

// lastWritten is the newest time that the download's own files tell: containerd notes one in updatedat when it begins
// and ends, and in between the data grows. Seen reports whether the data was there to look at.
func (x *run) lastWritten(ctx context.Context, dir string) (at time.Time, seen bool) {
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
func (x *run) ingestName(ctx context.Context, dir string, e nodefs.Entry) string {
	if ref, err := x.Files.ReadFile(ctx, path.Join(dir, e.Name, "ref"), 4<<10); err == nil && len(ref) > 0 {
		return "download " + redact.Line(string(ref))
	}
	return "download " + redact.Name(e.Name)
}
