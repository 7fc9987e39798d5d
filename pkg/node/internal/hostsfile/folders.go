// Package hostsfile reads a hosts.toml of containerd and says what its folder is for. It is pure: text in, hosts out, and reads no other
// file. Of the project it may import redact and pkg/validate.
package hostsfile

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Folders of a hosts directory that are of no registry.
const (
	DefaultDir = "_default" // containerd's, for every registry without a folder of its own
	BackupDir  = "_backup"  // Spegel's, for what it found when it first came to the node
)

// Folders are the names of the folders for a host, in containerd's order. Only names that are one
// step of a path can be one.
func Folders(host string) []string {
	var names []string
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		names = append(names, host[:i]+"_"+host[i+1:]+"_")
	}
	names = append(names, host, DefaultDir)
	return slices.DeleteFunc(names, func(name string) bool { return !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) })
}

// RegistryOf is the registry that a directory is for, as an image names it. containerd takes host_port_ for
// host:port.
func RegistryOf(dir string) string { return hostAndPort.ReplaceAllString(dir, "$1:$2") }

var hostAndPort = regexp.MustCompile(`^(.+)_(\d+)_$`)
