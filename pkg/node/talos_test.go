package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// A talosctl that never came as far as the node, or keeps to itself what it was told there, says nothing of what the node
// lacks.
func TestTalosctlThatDoesNotTell(t *testing.T) {
	t.Parallel()
	const list = `printf 'NODE   MODE         SIZE(B)   LASTMOD           NAME\nn      drwx------   0         Mar  1 12:00:00   .\nn      drwx------   0         Mar  1 12:00:00   etc\n'`
	for name, test := range map[string]struct{ script, says string }{
		"no talosconfig":              {"echo 'failed to open config file \"/root/.talos/config\": open /root/.talos/config: no such file or directory' >&2; exit 1", "/root/.talos/config: no such file or directory"},
		"a wrapper without its file":  {"/opt/none/talosctl \"$@\"", "can't be read"},
		"a socket that is not there":  {"echo 'rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix /run/x.sock: connect: no such file or directory\"' >&2; exit 1", "code = Unavailable"},
		"nothing at all":              {"exit 0", "talosctl list --long printed nothing"},
		"nothing but a root":          {"[ \"$*\" != '--nodes node-1 list --long /' ] || " + list, "talosctl list --long printed nothing"},
		"folders, and never contents": {"[ \"$3\" != list ] || " + list, "talosctl read printed nothing"},
		"a root, and then no way":     {"if [ \"$*\" = '--nodes node-1 list --long /' ]; then " + list + "; else echo 'open /root/.talos/config: no such file or directory' >&2; exit 1; fi", "/root/.talos/config: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "talosctl")
			must(t, os.WriteFile(program, []byte("#!/bin/sh\n"+test.script+"\n"), 0o700))
			files, err := node.NewTalos(program, "node-1")
			must(t, err)
			results := examine(t, options{
				Files: files, Cluster: cluster(spegelSet(nil, map[string]string{"node-1": "new"})...),
				Registries: registries(t, private), Image: private + "/a:1", Dial: nowhere, Lookup: unknown,
			})
			var said []string
			for _, check := range []string{"mirror-config", "resolution", "stale-ingests", "cri-log"} {
				if r := results[check]; r.Status == node.Pass || r.Status == node.Fail {
					t.Errorf("%s: %s, %q", check, r.Status, r.Evidence)
				}
				said = append(said, printed(results[check]))
			}
			if all := strings.Join(said, "\n"); !contains(all, test.says) {
				t.Errorf("none says %q:\n%s", test.says, all)
			}
		})
	}
}
