package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// policyName is the policy file that a repository brings along.
const policyName = ".spegel-guard.yaml"

// findPolicy is the policy file at the root of what is checked; empty if there is none. One run has one policy, so
// paths that differ in it are refused.
func findPolicy(paths []string) (string, error) {
	found := ""
	for i, p := range paths {
		file, err := policyAt(rootOf(p))
		switch {
		case err != nil:
			return "", err
		case i > 0 && file != found:
			return "", fmt.Errorf("%q and %q don't have the same %s at their roots: name the policy with --config, or check one at a time",
				paths[0], p, policyName)
		}
		found = file
	}
	return found, nil
}

// rootOf is the root of the git repository around a path, or else the folder that the path names or lies in. Of standard
// input it is that of the repository that the program runs in. It is empty where there is none.
func rootOf(path string) string {
	if path == "-" {
		_, git, _ := fluxrepo.Root(".") // there may be none
		return git
	}
	dir, git, _ := fluxrepo.Root(path) // the check itself fails where a path is not there
	return cmp.Or(git, dir)
}

// policyAt is the policy file of a root, by a name relative to the working directory; empty if there is none.
func policyAt(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("policy: %w", err)
	}
	defer func() { _ = root.Close() }() // it was only looked at
	if _, err := root.Lstat(policyName); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	file := fluxrepo.Displayed(filepath.Join(dir, policyName))
	if _, err := root.Stat(policyName); err != nil { // a link may lead to another file of the repository, and not out of it
		target, _ := root.Readlink(policyName)
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			err = failed.Err
		}
		return "", fmt.Errorf("policy: %s is a link to %q, which is no file of the repository: %w", file, target, err)
	}
	return file, nil
}
