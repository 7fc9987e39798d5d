package validate_test

// A model of Spegel and its chart, written from what was read in their sources at v0.0.14 to v0.7.4. It uses nothing of
// this project, and asks containerd's own resolver which folder is read for an image.

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker/config"
)

// chart is a release of Spegel and its chart: 0.minor.0 and later.
type chart struct{ minor int }

// current is what a version that is not known is taken for.
var current = chart{7}

// publicRegistries stand for the ten that charts older than v0.1.0 have by default.
var publicRegistries = []any{"https://docker.io", "https://ghcr.io"}

// arguments are what the chart's template passes to Spegel.
type arguments struct {
	configures bool     // there is a container that writes hosts files
	mirrors    []string // nil is no flag
	targets    []string
}

// render is the part of the chart's template that decides which registries are mirrored.
func (c chart) render(values any) (arguments, error) {
	var none arguments
	root, ok := values.(map[string]any)
	if values != nil && !ok {
		return none, errors.New("the values are no map")
	}
	spegel, ok := root["spegel"].(map[string]any)
	if _, set := root["spegel"]; set && !ok {
		return none, errors.New("spegel is no map: its keys can't be looked up")
	}
	// Helm puts the chart's defaults where nothing is set; null takes them away.
	value := func(key string, byDefault any) any {
		if v, set := spegel[key]; set {
			return v
		}
		return byDefault
	}
	list := "mirroredRegistries"
	var byDefault any = []any{}
	if c.minor == 0 {
		list, byDefault = "registries", publicRegistries
	}
	out := arguments{configures: truth(value("containerdMirrorAdd", true))}
	var err, failed error
	out.mirrors, err = ranged(value(list, byDefault))
	if out.configures && c.minor > 0 { // what older charts make of additionalMirrorRegistries is left out
		out.targets, failed = ranged(value("additionalMirrorTargets", []any{}))
	}
	return out, errors.Join(err, failed)
}

// truth is that of a template's "if" and "with".
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case int:
		return v != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// ranged is {{ with . }}{{ range . }}{{ . | quote }}.
func ranged(v any) (out []string, err error) {
	if !truth(v) {
		return nil, nil
	}
	quoted := func(v any) string {
		switch v := v.(type) {
		case string:
			return v
		case int:
			return strconv.Itoa(v)
		}
		return "map[a:b]" // no URL, whatever it is
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = append(out, quoted(e))
		}
	case map[string]any:
		for _, e := range v {
			out = append(out, quoted(e))
		}
	default:
		return nil, errors.New("range can't iterate over it")
	}
	return out, nil
}

// parse is how Spegel reads a list of registries: the hosts of its entries, as written. An empty list of mirrors and a wildcard
// are _default.
func (c chart) parse(entries []string, mirrors bool) (hosts []string, err error) {
	if len(entries) == 0 && mirrors {
		if c.minor == 0 {
			return nil, errors.New("--registries is required")
		}
		return []string{"_default"}, nil
	}
	wildcards := 0
	for _, e := range entries {
		if mirrors && (e == "_default" && c.minor >= 4 || e == "*" && c.minor >= 5) {
			hosts = append(hosts, "_default")
			wildcards++
			continue
		}
		u, err := url.Parse(e)
		switch {
		case err != nil:
			return nil, err
		case strings.HasPrefix(e, "-"):
			return nil, errors.New("a flag")
		case u.Scheme != "http" && u.Scheme != "https":
			return nil, errors.New("scheme must be http or https")
		case u.Path != "" || len(u.Query()) > 0 || u.User != nil:
			return nil, errors.New("path, query and user have to be empty")
		}
		hosts = append(hosts, u.Host)
	}
	if wildcards > 1 {
		return nil, errors.New("two wildcards")
	}
	return hosts, nil
}

// install is what becomes of values: the folders that Spegel writes, or an error where it does not start.
func (c chart) install(values any) (folders []string, err error) {
	args, err := c.render(values)
	if err != nil {
		return nil, err
	}
	hosts, err := c.parse(args.mirrors, true)
	if err != nil {
		return nil, err
	}
	if !args.configures {
		return nil, nil
	}
	if _, err := c.parse(args.targets, false); err != nil {
		return nil, err
	}
	return hosts, nil
}

// node is a node whose containerd is asked which folder it reads for an image. All folders are Spegel's, so it is enough to
// ask for one at a time.
type node struct {
	t     *testing.T
	root  string
	roots map[string]string  // of a hosts directory with one folder, by its name
	reads map[[2]string]bool // by folder and host
}

// asksSpegel reports whether containerd reads one of the folders for an image of a host.
func (n *node) asksSpegel(host string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		key := [2]string{folder, host}
		found, known := n.reads[key]
		if !known {
			found = n.resolve(folder, host)
			n.reads[key] = found
		}
		return found
	})
}

func (n *node) resolve(folder, host string) bool {
	n.t.Helper()
	if folder == "" || folder == "." || folder == ".." {
		return false // its hosts.toml stands in no folder of a host
	}
	root, ok := n.roots[folder]
	if !ok {
		root = filepath.Join(n.root, strconv.Itoa(len(n.roots)))
		if err := os.MkdirAll(filepath.Join(root, folder), 0o700); err != nil {
			n.t.Fatal(err)
		}
		n.roots[folder] = root
	}
	dir, err := config.HostDirFromRoot(root)(host)
	return err == nil && dir != ""
}
