package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// The subcommands of Spegel and the containers of its chart that run them, at v0.0.5 to v0.7.4.
const (
	configure = "configuration" // an init container: it writes the hosts directory
	serve     = "registry"      // the container that serves images
)

// The flags of the two that are read here. What was called otherwise before v0.1.0 is old.
const (
	mirrors, oldMirrors       = "mirrored-registries", "registries"
	mirrorTargets, oldTargets = "mirror-targets", "mirror-registries"
	hostsDir                  = "containerd-registry-config-path"
	router                    = "router-addr"
)

// defaultHostsDir is where Spegel writes without the flag.
const defaultHostsDir = "/etc/containerd/certs.d"

// own lists the flags by which Spegel is told from another program with such a subcommand.
func own() []string { return []string{mirrors, mirrorTargets, oldTargets, hostsDir, router} }

// Configuration is what Spegel on a node is told, as the arguments of a pod template or of a pod say.
type Configuration struct {
	// Mirrors are the registries to mirror, as written and in their order; empty means every registry, unless Unread.
	Mirrors []string
	// Unread says that the list, or an entry of it, is in a Secret or ConfigMap, or only a running pod has it, so that it is not known.
	Unread bool
	// HostsDir is containerd's hosts directory; empty where no argument names one.
	HostsDir string
	// Targets are where containerd is told to find Spegel, as written: http://$(NODE_IP):30020.
	Targets []string
	// Writes reports whether the container writes the hosts directory. Where none does (containerdMirrorAdd: false)
	// the list only says what Spegel serves.
	Writes bool
	// BeforeRename says that the arguments are those of a chart older than v0.1.0, whose values have the list
	// under the key registries, with a default.
	BeforeRename bool
}

// Everything reports whether every registry is mirrored: there is no list, or a wildcard is on it.
func (c *Configuration) Everything() bool {
	return len(c.Mirrors) == 0 && !c.Unread || slices.ContainsFunc(c.Mirrors, func(m string) bool { return m == "_default" || m == "*" })
}

// Source is a container that runs Spegel: what it is told, and where that stands.
type Source struct {
	Configuration
	// Container is its name.
	Container string
	// Mirrored and Targeted are where the list and the targets stand.
	Mirrored, Targeted Argument
}

// Elsewhere finds in a text of a template what is not known there for a reason of the caller's: what it comes from, and the position
// where it starts. The position is -1 if there is none.
type Elsewhere func(text string) (Reference, int)

// Sources lists the containers of a pod that decide what Spegel does there: those that write a hosts directory, or the first that
// serves, where none does. Of several that write the same one, the last counts: Spegel clears the directory first. What is in
// Secrets and ConfigMaps is not known, and what elsewhere finds, if it is not nil.
func Sources(spec *corev1.PodSpec, elsewhere Elsewhere) []Source {
	var writing, serving []Source
	last := map[string]string{} // by hosts directory, the container that writes it
	for _, kind := range []struct {
		field      string
		containers []corev1.Container
	}{{"initContainers", spec.InitContainers}, {"containers", spec.Containers}} {
		for i := range kind.containers {
			s, ok := read(&kind.containers[i], fmt.Sprintf("%s[%d].", kind.field, i), elsewhere)
			switch {
			case ok && s.Writes:
				last[cmp.Or(s.HostsDir, defaultHostsDir)] = s.Mirrored.container
				writing = append(writing, s)
			case ok:
				serving = append(serving, s)
			}
		}
	}
	if len(writing) > 0 {
		return slices.DeleteFunc(writing, func(s Source) bool { return last[cmp.Or(s.HostsDir, defaultHostsDir)] != s.Mirrored.container })
	}
	return serving[:min(len(serving), 1)]
}

// read reads a container; ok is false if it does not run Spegel.
func read(c *corev1.Container, field string, elsewhere Elsewhere) (s Source, ok bool) {
	line := newCommandLine(c, field, elsewhere)
	if line.subcommand == "" || !slices.ContainsFunc(own(), line.has) {
		return s, false
	}
	s.Container, s.Writes, s.BeforeRename = c.Name, line.subcommand == configure, line.beforeRename()
	list, targets := mirrors, mirrorTargets
	if s.BeforeRename {
		list, targets = oldMirrors, oldTargets
	}
	s.Mirrors, s.Mirrored = line.mirrors(list)
	s.Targets, s.Targeted = line.entries(targets)
	maps.DeleteFunc(s.Targeted.Unread, func(i int, ref Reference) bool { // the node's address
		return ref.Kind == podVariable && (i == Whole || !line.unread[s.Targeted.words[i]].mayBeFlag)
	})
	s.Unread = len(s.Mirrored.Unread) > 0
	if dir, _ := line.entries(hostsDir); len(dir) == 1 {
		s.HostsDir = dir[0]
	}
	return s, true
}
