package node_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// Symbolic links lead where they lead on the node.
func TestLinksWithinTheNode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content content
		status  node.Status
		says    string
	}{
		"absolute":              {content{"etc/containerd/certs.d": linkTo("/opt/certs.d"), "opt/certs.d/_default/hosts.toml": spegelHosts("")}, node.Fail, "/etc/containerd/certs.d/_default/hosts.toml sends"},
		"absolute, of a folder": {content{certs + private: linkTo("/opt/harbor"), "opt/harbor/hosts.toml": spegelHosts("")}, node.Fail, private + "/hosts.toml sends"},
		"absolute, of a file":   {content{certs + private + "/hosts.toml": linkTo("/opt/harbor/hosts.toml"), "opt/harbor/hosts.toml": spegelHosts("")}, node.Fail, private + "/hosts.toml sends"},
		"by two":                {content{certs + private: linkTo("/opt/harbor"), "opt/harbor": linkTo("../srv//./harbor"), "srv/harbor/hosts.toml": spegelHosts("")}, node.Fail, private + "/hosts.toml sends"},
		"above the root":        {content{certs + private: linkTo("../../../../../../opt/harbor"), "opt/harbor/hosts.toml": spegelHosts("")}, node.Fail, private + "/hosts.toml sends"},
		"to what is not there":  {content{certs + private: linkTo("/opt/harbor")}, node.Warn, private + "/hosts.toml is not part of what could be read"},
		"to itself":             {content{certs + private: linkTo("/etc/containerd/certs.d/" + private)}, node.Warn, private + "/hosts.toml is a symbolic link that leads to itself"},
	} {
		c := test.content
		for how, open := range map[string]func() node.Files{
			"folder": func() node.Files { return c.root(t) },
			"tar":    func() node.Files { return oneBundle(t, c.tar(t)) },
			"zip":    func() node.Files { return oneBundle(t, c.zip(t, "node-1")) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				want(t, judge(t, open())["mirror-config"], test.status, test.says)
			})
		}
	}
}

// What lies around the root is never read, whatever a link says.
func TestLinksLeadNowhereElse(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "hosts.toml")
	must(t, os.WriteFile(outside, []byte("outside"), 0o600))
	root := content{"etc/absolute": linkTo(outside), "etc/relative": linkTo(strings.Repeat("../", 30) + outside[1:]), "etc/proc": linkTo("/proc/self/root" + outside)}.dir(t)
	for _, name := range []string{"/etc/absolute", "/etc/relative", "/etc/proc", "/../../../.." + outside} {
		if data, err := openRoot(t, root).ReadFile(t.Context(), name, 100); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
}

// "tar -h" stores the second name of a file as a hard link.
func TestHardLinks(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	text := spegelHosts("")
	for _, h := range []tar.Header{
		{Name: "etc/containerd/certs.d/", Typeflag: tar.TypeDir},
		{Name: "etc/containerd/certs.d/docker.io/hosts.toml", Typeflag: tar.TypeReg, Size: int64(len(text))},
		{Name: "etc/containerd/certs.d/" + private + "/hosts.toml", Typeflag: tar.TypeLink, Linkname: "etc/containerd/certs.d/docker.io/hosts.toml"},
		{Name: "etc/containerd/certs.d/_default/hosts.toml", Typeflag: tar.TypeLink, Linkname: "opt/hosts.toml.real"},
	} {
		h.Mode = 0o600
		must(t, w.WriteHeader(&h))
		if h.Size > 0 {
			_, err := io.WriteString(w, text)
			must(t, err)
		}
	}
	must(t, w.Close())
	results := judge(t, oneBundle(t, buf.Bytes()))
	want(t, results["mirror-config"], node.Warn, private+"/hosts.toml sends containerd to Spegel", "_default/hosts.toml is not a regular file")
	want(t, results["resolution"], node.Warn, "as /etc/containerd/certs.d/"+private+" says")
}
