package relevance

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/worktree"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// anyName matches every name.
const anyName = ".*"

// aims are the names, as expressions, of what the patches of a Kustomization, or what they are made of, could make
// relevant: a patch says which objects it is for, and leads to a word.
func (f *Finder) aims(in Inputs) (names []string) {
	add := func(text, name string, paths *regexp.Regexp) {
		if f.isLead(text, paths) {
			names = append(names, cmp.Or(name, anyName))
		}
	}
	for _, p := range yamldoc.Items(yamldoc.Child(in.Node, "spec", "patches")) {
		add(yamldoc.Text(p, "patch"), yamldoc.Text(p, "target", "name"), aPath)
	}
	renames := false
	for _, folder := range in.Folders {
		folder.Walk(func(folder *overlay.Folder) bool {
			renames = renames || folder.Renames()
			files, paths := folder.Inputs, aPath
			if folder.Copies() {
				files, paths = slices.Concat(folder.Inputs, folder.Resources), anywhere
			}
			for _, p := range folder.Patches() {
				name := ""
				if p.Target != nil {
					name = p.Target.Name
				}
				add(p.Patch, name, paths)
			}
			for _, p := range files {
				if slices.Contains(folder.Inputs, p) || f.tree.File(p).Marks&(worktree.Kustomization|worktree.Builder) == 0 {
					data, _ := f.tree.Read(p) // what can't be read is flagged
					add(string(data[:min(len(data), 64<<10)]), "", paths)
				}
			}
			return true
		})
	}
	if len(names) > 0 && renames {
		names = append(names, anyName)
	}
	return names
}

// isLead reports whether a text has a word, the name of what has one, or the path of a folder with one.
func (f *Finder) isLead(text string, paths *regexp.Regexp) bool {
	for name := range f.leads {
		if strings.Contains(text, name) {
			return true
		}
	}
	return f.HasWord(text) || slices.ContainsFunc(paths.FindAllStringSubmatch(text, -1), func(m []string) bool { return f.isRelevantFolder(m[1]) })
}

// aPath matches a path that a patch gives to a Kustomization, which is the value of a field or an item of a list, in
// quotes or in a patch in a patch; anywhere matches whatever could be copied.
var (
	aPath    = regexp.MustCompile(`(?m)(?:\b(?:path|components|value)[\\"']*\s*:|^\s*-|,)[\s\\"'\[-]*((?:[\w.-]*/)+[\w.-]+)`)
	anywhere = regexp.MustCompile(`((?:[\w.-]*/)+[\w.-]+)`)
)

func (f *Finder) isRelevantFolder(p string) bool {
	p = path.Clean("/" + p) // of the repository, or of a folder that is not known
	return slices.ContainsFunc(f.dirs[path.Base(p)], func(d string) bool {
		return strings.HasSuffix("/"+d, p) && f.Reads([]*overlay.Folder{f.decl.Reader.Folder(f.decl.Ignore, d)})
	})
}

// renames reports whether a Kustomization could give an object a name that is needed by what it puts before and after.
func (f *Finder) renames(ks *yaml.Node) bool {
	prefix, suffix := yamldoc.Text(ks, "spec", "namePrefix"), yamldoc.Text(ks, "spec", "nameSuffix")
	for name := range f.needed {
		if prefix+suffix != "" && strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
