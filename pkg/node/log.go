package node

import (
	"errors"
	"io/fs"
)

// errJournal says that the log is where only journalctl can read it.
var errJournal = errors.New("is in systemd's journal, which is not text")

// logFiles are where containerd's log may lie as text, the most special first: k3s, containerd as a service of
// its own, and syslog.
func logFiles() []string {
	return []string{
		"/var/lib/rancher/k3s/agent/containerd/containerd.log",
		"/var/lib/rancher/rke2/agent/containerd/containerd.log",
		"/var/log/containerd.log",
		"/var/log/containerd/containerd.log",
		"/var/log/syslog",
		"/var/log/messages",
	}
}

// findLog returns the first log that there is. An error of another kind than "does not exist" is told
// only where no other file can be read.
func findLog(tail func(name string) ([]byte, error)) (Log, error) {
	failed := errJournal
	for _, name := range logFiles() {
		text, err := tail(name)
		if err == nil {
			return Log{Source: name, Text: text}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && errors.Is(failed, errJournal) {
			failed = &fs.PathError{Op: "read", Path: name, Err: err}
		}
	}
	return Log{}, failed
}
