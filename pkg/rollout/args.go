package rollout

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// The subcommands of Spegel and the containers of its chart that run them, at v0.0.5 to v0.7.4.
const (
	configure = "configuration" // an init container: it writes the hosts directory
	serve     = "registry"      // the container that serves images
)

// Configuration is what Spegel on a node is told, as the arguments of a pod template or of a pod say.
type Configuration struct {
	// Mirrors are the registries to mirror, as written and in their order; empty means every registry.
	Mirrors []string
	// HostsDir is containerd's hosts directory; empty where no argument names one.
	HostsDir string
	// Targets are where containerd is told to find Spegel, as written: http://$(NODE_IP):30020.
	Targets []string
	// Writes tells whether an init container writes the hosts directory. Without one (containerdMirrorAdd:
	// false) the list only says what Spegel serves.
	Writes bool
	// BeforeRename tells that the arguments are those of a chart older than v0.1.0, whose values have the list
	// under the key registries, with a default.
	BeforeRename bool
}

// Everything tells whether every registry is mirrored: there is no list, or a wildcard is on it.
func (c *Configuration) Everything() bool {
	for _, m := range c.Mirrors {
		if m == "_default" || m == "*" {
			return true
		}
	}
	return len(c.Mirrors) == 0
}

// readConfiguration reads the arguments of a pod's containers; ok is false if they are not Spegel's.
func readConfiguration(spec *corev1.PodSpec) (c Configuration, ok bool) {
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			args := arguments(&containers[i])
			if len(args) == 0 {
				continue
			}
			if c, ok := parse(args); ok {
				return c, true
			}
		}
	}
	return c, false
}

// arguments are what the program is started with, without its own name where the command names it.
func arguments(c *corev1.Container) []string {
	args := c.Args
	if len(c.Command) > 1 {
		args = append(append([]string{}, c.Command[1:]...), args...)
	}
	return args
}

// parse reads a command line of Spegel's. A flag takes all that follows up to the next one, and the last
// flag of a name wins, as in github.com/alexflint/go-arg, which Spegel uses.
func parse(args []string) (c Configuration, ok bool) {
	flags := map[string][]string{}
	name := ""
	for _, arg := range args[1:] {
		if rest, isFlag := strings.CutPrefix(arg, "--"); isFlag {
			var value string
			var inline bool
			name, value, inline = strings.Cut(rest, "=")
			flags[name] = nil
			if inline {
				flags[name] = []string{value}
			}
			continue
		}
		if name != "" {
			flags[name] = append(flags[name], arg)
		}
	}
	has := func(name string) bool { _, ok := flags[name]; return ok }
	switch args[0] {
	case configure:
		ok = has("containerd-registry-config-path") || has("mirror-targets") || has("mirror-registries")
	case serve:
		ok = has("router-addr")
	}
	if dir := flags["containerd-registry-config-path"]; len(dir) == 1 {
		c.HostsDir = dir[0]
	}
	c.Writes = args[0] == configure
	// only the old chart's list may be there without one of these: its registry container is told no targets
	c.BeforeRename = has("registries") || has("mirror-registries")
	c.Mirrors, c.Targets = flags["mirrored-registries"], flags["mirror-targets"]
	if c.BeforeRename {
		c.Mirrors = flags["registries"]
	}
	if has("mirror-registries") {
		c.Targets = flags["mirror-registries"]
	}
	return c, ok
}
