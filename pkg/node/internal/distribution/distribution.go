// Package distribution says where distributions of Kubernetes have what containerd reads, and how it is changed there: a table in a file
// beside it. It reads nothing else, and imports nothing of the project.
package distribution

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Talos is the distribution that talosctl reads.
const Talos = "Talos"

// Distribution is a way to run Kubernetes with containerd in places of its own, and with its own ways to change what lies there.
type Distribution struct {
	Name     string   // empty for containerd as a service of its own
	Mark     string   // what the names of its places hold
	Configs  []string // where its configuration usually is
	HostsDir string   // where the hosts directory usually is
	Root     string   // where containerd's root usually is
	NoShell  bool     // no command is run on a node
	// Registries is from what it writes the hosts directory, and Writes when, or how that is changed; empty where somebody else does.
	Registries, Writes string
	Restart            string // what makes containerd read its configuration anew
	Configure          string // where a setting goes that the configuration is to have
	Log                string // the command that shows what containerd says of pulls
	Resolve            string // what gives a name an address
	Trust              string // what names the certificate of an authority
}

//go:embed distributions.toml
var distributionsTOML []byte

// distributions lists those that are known. What one of them does not say is as with the last one.
func distributions() []Distribution {
	var file struct{ Distribution []Distribution }
	if err := toml.Unmarshal(distributionsTOML, &file); err != nil {
		panic(err) // a file that can't be read does not pass the tests
	}
	all := file.Distribution
	last := all[len(all)-1]
	for i := range all {
		d := &all[i]
		d.Log, d.Resolve, d.Trust = cmp.Or(d.Log, last.Log), cmp.Or(d.Resolve, last.Resolve), cmp.Or(d.Trust, last.Trust)
	}
	return all
}

// Of is the one that has the name of an operating system, or that one of the names of files belongs to.
func Of(system string, names ...string) Distribution {
	all := distributions()
	for _, d := range all {
		if system != "" && strings.EqualFold(d.Name, system) || slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, d.Mark) }) {
			return d
		}
	}
	return all[len(all)-1]
}

// places are what a function picks of each distribution, in their order.
func places(of func(Distribution) []string) []string {
	var out []string
	for _, d := range distributions() {
		for _, name := range of(d) {
			if name != "" {
				out = append(out, name)
			}
		}
	}
	return out
}

// ConfigFiles are where containerd's own configuration usually is.
func ConfigFiles() []string { return places(func(d Distribution) []string { return d.Configs }) }

// HostsDirs are where the hosts directory usually is.
func HostsDirs() []string {
	return places(func(d Distribution) []string { return []string{d.HostsDir} })
}

// Roots are where containerd's root usually is.
func Roots() []string { return places(func(d Distribution) []string { return []string{d.Root} }) }
