package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// absolute is a file by one name, however it is written; empty stays empty.
func absolute(file string) string {
	if file == "" {
		return ""
	}
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	return file
}

// keepInputs refuses to write a report over what is read in the same run.
func (outs outputs) keepInputs(inputs []string, reads func(string) bool) error {
	var errs []error
	for _, out := range outs {
		target := absolute(out.file)
		if target == "" {
			continue
		}
		info, err := os.Stat(target)
		if err != nil {
			continue // it is not there yet
		}
		isInput := slices.ContainsFunc(inputs, func(name string) bool {
			other, err := os.Stat(name)
			return err == nil && os.SameFile(info, other)
		})
		if isInput || reads(target) {
			errs = append(errs, fmt.Errorf("--output %s=%s: the check reads this file, so the report can't be written there", out.format, out.file))
		}
	}
	return errors.Join(errs...)
}
