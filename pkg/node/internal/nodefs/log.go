package nodefs

import (
	"bytes"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// ErrJournal says that the log is where only journalctl can read it.
var ErrJournal = errors.New("is in systemd's journal, which is not text")

// logFiles are where containerd's log may lie as text, the most special first: in what "talosctl support" writes, of k3s, of RKE2,
// and of containerd as a service of its own.
func logFiles() []string {
	return append([]string{
		"/service-logs/cri.log",
		"/var/lib/rancher/k3s/agent/containerd/containerd.log",
		"/var/lib/rancher/rke2/agent/containerd/containerd.log",
		"/var/log/containerd.log",
		"/var/log/containerd/containerd.log",
	}, sharedLogs()...)
}

// isLog reports whether a file of an archive is a log, of whichever node.
func isLog(name string) bool {
	return slices.ContainsFunc(logFiles(), func(log string) bool { return strings.HasSuffix(name, log) })
}

// sharedLogs are where other programs write, too.
func sharedLogs() []string { return []string{"/var/log/syslog", "/var/log/messages"} }

// findLog returns the first log that holds something of containerd's. An error of another kind than "does not exist" is returned
// only where no other file can be read.
func findLog(tail func(name string) ([]byte, error)) (Log, error) {
	failed := ErrJournal
	for _, name := range logFiles() {
		text, err := tail(name)
		if err == nil && slices.Contains(sharedLogs(), name) {
			if text = bytes.Join(ofContainerd.FindAll(text, -1), nil); len(text) == 0 {
				continue
			}
		}
		if err == nil {
			return Log{Source: name, Text: text}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && errors.Is(failed, ErrJournal) {
			failed = &fs.PathError{Op: "read", Path: name, Err: err}
		}
	}
	return Log{}, failed
}

// ofContainerd are the lines of syslog that containerd wrote, also a snap's: before the first colon that ends a word stands the program, as
// in "Mar  1 11:59:00 node-1 containerd[7]: ".
var ofContainerd = regexp.MustCompile(`(?m)^([^:\n]|:[^ \n])*containerd(\[[^ \n]*)?: .*\n?`)
