package nodefs

import (
	"io/fs"
	"path"
	"strings"
)

// maxLinks is how many symbolic links one name may lead through, as on Linux.
const maxLinks = 40

// follow resolves the symbolic links in a name, as a process does whose root is that of the node's files: an absolute
// target begins there, and no ".." leads above it. Lookup returns where a link leads, and nothing for what is none.
// If something on the way does not exist, the result is the folder that lacks it, and last reports whether it would
// have been the end of the way.
func follow(name string, lookup func(name string) (target string, err error)) (at string, last bool, err error) {
	at = "/"
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		next := path.Join(at, todo[0])
		if todo = todo[1:]; next == at || next == "/" || next == path.Dir(at) {
			at = next
			continue
		}
		target, err := lookup(next)
		switch {
		case err != nil:
			return at, len(todo) == 0, err
		case target == "":
			at = next
			continue
		case path.IsAbs(target):
			at = "/"
		}
		links++
		if links > maxLinks {
			return at, false, ErrLoop
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return at, true, nil
}

// lacks is the error for what a folder lacks. Given reports whether the folder is all there.
func lacks(given bool) error {
	if given {
		return fs.ErrNotExist
	}
	return ErrNotGiven
}
