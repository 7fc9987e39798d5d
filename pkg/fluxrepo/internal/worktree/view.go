package worktree

import (
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Mount is where kustomize sees the repository. Nothing else exists for it.
const Mount = "/repository"

// View is the repository as kustomize sees it: the files of an artifact, and over them what was made for one
// build. What a build does not do, it does to an empty file system in memory.
type View struct {
	filesys.FileSystem

	tree   *Tree
	ignore *Ignore           // of the source
	over   map[string][]byte // by path in the repository
}

// NewView is a view of a tree.
func NewView(t *Tree, ignore *Ignore, over map[string][]byte) *View {
	return &View{filesys.MakeFsInMemory(), t, ignore, over}
}

// inside turns a path of kustomize into one of the repository.
func inside(p string) (string, bool) {
	p = path.Clean(filepath.ToSlash(p))
	if p == Mount {
		return ".", true
	}
	return strings.CutPrefix(p, Mount+"/")
}

// IsDir reports whether a path is a folder of the artifact.
func (v *View) IsDir(p string) bool {
	rel, ok := inside(p)
	return ok && v.tree.Dir(rel) != nil && !v.ignore.Dir(rel)
}

func (v *View) isFile(rel string) bool {
	return v.over[rel] != nil || v.tree.File(rel) != nil && !v.ignore.File(rel)
}

// Exists reports whether a path is a file or folder of the artifact.
func (v *View) Exists(p string) bool {
	rel, ok := inside(p)
	return ok && (v.isFile(rel) || v.IsDir(p))
}

// ReadDir lists a folder.
func (v *View) ReadDir(p string) ([]string, error) {
	rel, ok := inside(p)
	if !ok || !v.IsDir(p) {
		return nil, fs.ErrNotExist
	}
	d := v.tree.Dir(rel)
	return slices.Concat(d.Files, d.Dirs), nil
}

// CleanedAbs takes a path apart; there are no symbolic links.
func (v *View) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	rel, ok := inside(p)
	switch {
	case ok && v.IsDir(p):
		return filesys.ConfirmedDir(path.Join(Mount, rel)), "", nil
	case ok && v.isFile(rel):
		return filesys.ConfirmedDir(path.Join(Mount, path.Dir(rel))), path.Base(rel), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: strings.TrimPrefix(p, Mount+"/"), Err: fs.ErrNotExist}
}

// ReadFile reads a file. What would grow without bound is refused.
func (v *View) ReadFile(p string) ([]byte, error) {
	rel, ok := inside(p)
	if !ok {
		return nil, fs.ErrNotExist
	}
	if data, ok := v.over[rel]; ok {
		return data, nil
	}
	if !v.isFile(rel) {
		return nil, &fs.PathError{Op: "open", Path: rel, Err: fs.ErrNotExist}
	}
	data, err := v.tree.Read(rel)
	if err != nil {
		return nil, err
	}
	if v.tree.File(rel).Marks&Anchor != 0 {
		if _, err := v.tree.Documents(rel); err != nil && (yamldoc.IsYAML(rel) || yamldoc.IsBomb(err)) {
			return nil, err
		}
	}
	return data, nil
}
