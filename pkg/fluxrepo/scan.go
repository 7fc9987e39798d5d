package fluxrepo

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
	"golang.org/x/sync/errgroup"
)

// maxFile is how large a file may be, in bytes; what is larger is not read as a whole.
const maxFile = 16 << 20

// mark says what the bytes of a file could be about, before anything of it is decoded.
type mark uint32

const (
	markWord          mark = 1 << iota // names a chart of Spegel's, or what leads to one, or does not tell
	markKustomization                  // a Flux Kustomization
	markRelease                        // a HelmRelease
	markSource                         // an OCIRepository or a HelmChart
	markConfigMap
	markSecret
	markVariables    // substituteFrom
	markElsewhere    // what builds in ways that can't be followed here
	markAnchor       // YAML aliases
	markMovesReading // patches the path of a Kustomization
	markGit          // a GitRepository
	markDisguise     // may give a source another name or chart
	markTooLarge
)

// file is one regular file of the repository. What is no regular file, a symbolic link for one, is not
// in Flux's artifact either.
type file struct {
	path  string // relative to the repository, with slashes
	size  int64
	marks mark
	err   error // why it can't be read
	data  []byte
	docs  *decodedFile // nil until they are asked for
	names []uint32     // hashes of what stands after "name:", where it is an object that could be looked for
	asked bool         // by name
	odd   bool         // a name may be written in another way
}

// dir is one folder.
type dir struct {
	path  string
	files []string // base names, sorted
	dirs  []string
	err   error
	ks    string // base name of its kustomization file
}

// repo is a repository as it lies on disk. Only scan writes to it.
type repo struct {
	root        string // absolute, without symbolic links
	display     string // what a shown path begins with
	files       map[string]*file
	dirs        map[string]*dir
	ignore      *ignored // by the .sourceignore files alone
	ignoreFiles []*file
	patterns    []gitignore.Pattern // of these
	words       [][]byte
	coded       [][]byte // the words as base64 may hold them
	read        int
	sorted      []string
	shown       map[string]string // paths, by what was shown for them
}

// isYAML tells what Flux reads as a manifest.
func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// newRepo is one without files.
func newRepo(root, display string, words []string) *repo {
	r := &repo{root: root, display: display, files: map[string]*file{}, dirs: map[string]*dir{}}
	for _, w := range words {
		r.words = append(r.words, []byte(w))
		r.coded = append(r.coded, inBase64(w)...)
	}
	return r
}

// scan walks the repository and looks at the bytes of each YAML file once, several at a time.
func scan(ctx context.Context, root, display string, words []string, o Options) (*repo, error) {
	r := newRepo(root, display, words)
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	work := make(chan *file, 256)
	group, ctx := errgroup.WithContext(ctx)
	var count atomic.Int64
	var progress sync.Mutex
	for range workers {
		group.Go(func() error {
			buf := make([]byte, 64<<10)
			for f := range work {
				buf = r.inspect(f, buf)
				if n := count.Add(1); o.Progress != nil && n%512 == 0 {
					progress.Lock()
					o.Progress(int(n))
					progress.Unlock()
				}
			}
			return nil
		})
	}
	err := r.walk(ctx, work)
	close(work)
	if e := group.Wait(); err == nil {
		err = e
	}
	r.read = int(count.Load())
	if o.Progress != nil {
		o.Progress(r.read)
	}
	r.readIgnoreFiles()
	return r, err
}

func (r *repo) walk(ctx context.Context, work chan<- *file) error {
	return filepath.WalkDir(r.root, func(p string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		rel := r.rel(p)
		if err != nil {
			if rel == "." {
				return fmt.Errorf("read %s: %w", r.show("."), err)
			}
			r.folder(rel).err = err
			return nil
		}
		if d.IsDir() {
			if d.Name() == ".git" && rel != "." {
				return filepath.SkipDir
			}
			r.folder(rel)
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		f := &file{path: rel}
		r.files[rel] = f
		parent := r.folder(path.Dir(rel))
		parent.files = append(parent.files, d.Name())
		if d.Name() == sourceignore.IgnoreFile {
			r.ignoreFiles = append(r.ignoreFiles, f)
		}
		if i := slices.Index(kustomizationNames, d.Name()); i >= 0 {
			if have := slices.Index(kustomizationNames, parent.ks); have < 0 || i < have {
				parent.ks = d.Name()
			}
			work <- f
		} else if isYAML(d.Name()) {
			work <- f
		}
		return nil
	})
}

// folder returns a folder of the index, and makes it and what is above it where they are missing.
func (r *repo) folder(rel string) *dir {
	if d, ok := r.dirs[rel]; ok {
		return d
	}
	d := &dir{path: rel}
	r.dirs[rel] = d
	if rel != "." {
		parent := r.folder(path.Dir(rel))
		parent.dirs = append(parent.dirs, path.Base(rel))
	}
	return d
}
