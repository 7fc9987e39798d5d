package worktree

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Mount is where kustomize sees the repository. Nothing else exists for it.
const Mount = "/repository"

// View is the repository as kustomize sees it: the files of an artifact, and over them what was made for one
// build. A build takes paths apart and reads files; all else would be done to an empty file system in memory.
type View struct {
	filesys.FileSystem

	tree   *Tree
	ignore *Ignore           // of the source
	over   map[string]string // by path in the repository
	read   int               // how much, as yamldoc.Size counts it
}

// NewView is a view of a tree.
func NewView(t *Tree, ignore *Ignore, over map[string]string) *View {
	return &View{FileSystem: filesys.MakeFsInMemory(), tree: t, ignore: ignore, over: over}
}

// inside turns a path of kustomize into one of the repository.
func inside(p string) (string, bool) {
	p = path.Clean(filepath.ToSlash(p))
	if p == Mount {
		return ".", true
	}
	return strings.CutPrefix(p, Mount+"/")
}

func (v *View) isFile(rel string) bool {
	_, made := v.over[rel]
	return made || v.tree.File(rel) != nil && !v.ignore.File(rel)
}

// CleanedAbs takes a path apart; there are no symbolic links.
func (v *View) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	rel, ok := inside(p)
	switch {
	case ok && !v.ignore.Dir(rel):
		return filesys.ConfirmedDir(path.Join(Mount, rel)), "", nil
	case ok && v.isFile(rel):
		return filesys.ConfirmedDir(path.Join(Mount, path.Dir(rel))), path.Base(rel), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: strings.TrimPrefix(p, Mount+"/"), Err: fs.ErrNotExist}
}

// ReadFile reads a file. What would grow without bound is refused.
func (v *View) ReadFile(p string) ([]byte, error) {
	rel, ok := inside(p)
	if !ok || !v.isFile(rel) {
		return nil, &fs.PathError{Op: "open", Path: rel, Err: fs.ErrNotExist}
	}
	if data, made := v.over[rel]; made {
		return []byte(data), nil
	}
	data, err := v.tree.Read(rel)
	if err != nil {
		return nil, err
	}
	aliases := bytes.IndexByte(data, '&') >= 0 && bytes.IndexByte(data, '*') >= 0 // it may have some
	if aliases || mayBeHeavy(data) {
		if _, err := v.tree.Documents(rel); err != nil && (yamldoc.IsYAML(rel) && aliases || yamldoc.IsBomb(err)) {
			return nil, err
		}
	}
	if v.read += yamldoc.Size(data); v.read > maxRead {
		return nil, errors.New("is too much together with the files before it")
	}
	return data, nil
}

// maxRead bounds what one build reads, as yamldoc.Size counts it.
const maxRead = 2 << 20

// mayBeHeavy reports whether a file may be nested deeply, or have very many keys: kustomize takes time that is quadratic in both.
func mayBeHeavy(data []byte) bool {
	const many = 500
	return len(data) > 64<<10 || bytes.Count(data, []byte("{"))+bytes.Count(data, []byte("[")) > many ||
		bytes.Contains(data, bytes.Repeat([]byte(" "), many)) || bytes.Contains(data, bytes.Repeat([]byte("- "), many/10))
}
