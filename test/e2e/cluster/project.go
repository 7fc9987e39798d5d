package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Project writes the data of a Secret or ConfigMap into dir as the kubelet does: each file is a link through ..data into a
// folder of this version, ..data changes in one step, and then the old version is removed. A reader sees old files or new
// ones, never some of each.
func Project(dir string, data map[string][]byte) error {
	if err := project(dir, data); err != nil {
		return fmt.Errorf("project files to %s: %w", dir, err)
	}
	return nil
}

func project(dir string, data map[string][]byte) error {
	version, err := os.MkdirTemp(dir, "..version-")
	if err != nil {
		return err
	}
	for name, content := range data {
		if err := os.WriteFile(filepath.Join(version, name), content, 0o600); err != nil {
			return err
		}
	}
	link, next := filepath.Join(dir, "..data"), filepath.Join(dir, "..data_tmp")
	old, err := os.Readlink(link)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(filepath.Base(version), next); err != nil {
		return err
	}
	if err := os.Rename(next, link); err != nil {
		return err
	}
	for name := range data {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if old == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, old))
}
