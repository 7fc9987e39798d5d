package node_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

// Of an archive of many nodes each is examined, with the end of its log.
func TestArchiveOfManyNodes(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	add := func(name, text string) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: asOf})
		must(t, err)
		_, err = io.WriteString(f, text)
		must(t, err)
	}
	other := failedLine("docker.io/library/busybox:1", asOf, "not found")
	log := strings.Repeat(other, 5<<20/len(other))
	for i := range 20 {
		folder := fmt.Sprintf("10.0.0.%02d/", i)
		add(folder+"service-logs/cri.log", log+strings.Repeat(failedLine(private+"/a:1", asOf, "not found"), i%2))
		add(folder+"etc/containerd/config.toml", listed("/etc/containerd/certs.d"))
		add(folder+certs+"_default/hosts.toml", spegelHosts(""))
	}
	add("small/service-logs/cri.log", other)
	must(t, w.Close())
	files, err := bundle(t, buf.Bytes())
	must(t, err)
	if len(files) != 21 {
		t.Fatalf("%d nodes", len(files))
	}
	for i, f := range files[:20] {
		results := judge(t, f)
		want(t, results["mirror-config"], node.Fail, "_default/hosts.toml sends")
		want(t, results["cri-log"], []node.Status{node.Pass, node.Fail}[i%2])
	}
	want(t, judge(t, files[20])["cri-log"], node.Pass)
}

func TestBadBundles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data []byte
		says string
	}{
		"empty":             {nil, "holds no files of a node"},
		"no archive":        {[]byte("hello, this is a text of some length"), "unexpected EOF"},
		"a cut tar.gz":      {gzipped(t, sick().tar(t))[:200], "unexpected EOF"},
		"a cut zip":         {sick().zip(t, "n")[:200], "zip: not a valid zip file"},
		"nothing of a node": {content{"readme.txt": "x"}.tar(t), "holds no files of a node"},
		"a name outside":    {content{"../etc/containerd/x": "x", "etc/hostname": "node-1"}.tar(t), "leads out of it"},
		"another, of a zip": {content{"etc/x/../../../../y": "x", "etc/hostname": "node-1"}.zip(t, "node-1"), "leads out of it"},
		"of Windows' names": {content{`node-1\etc\containerd\certs.d\_default\hosts.toml`: "x"}.zip(t, "node-1"), "holds no files of a node"},
		"too much":          {muchConfiguration(t), "bytes of what is looked at"},
		"a gzip bomb":       {bomb(t), "unpacks to more than"},
		"many nodes":        {manyNames(t, 501, func(i int) string { return fmt.Sprintf("n%d/etc/hosts", i) }), "holds more than 500 nodes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := bundle(t, test.data)
			if err == nil || !contains(err.Error(), test.says) {
				t.Errorf("%d nodes, %v; want %q", len(files), err, test.says)
			}
		})
	}
}

// manyNames is a tar.gz of empty files.
func manyNames(t *testing.T, n int, name func(i int) string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := range n {
		must(t, w.WriteHeader(&tar.Header{Name: name(i), Mode: 0o600}))
	}
	must(t, w.Close())
	return gzipped(t, buf.Bytes())
}

// muchConfiguration is a tar.gz with 130 MiB of what may be configuration.
func muchConfiguration(t *testing.T) []byte {
	t.Helper()
	c := content{"etc/hostname": "node-1\n"}
	for i := range 130 {
		c[fmt.Sprintf("etc/alternatives/%02d", i)] = strings.Repeat("x", 1<<20)
	}
	return gzipped(t, c.tar(t))
}

// bomb is a small tar.gz with a member of 2 GiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	piece := gzipped(t, make([]byte, 64<<20)) // gzip files may be put one after the other
	head := &bytes.Buffer{}
	w := tar.NewWriter(head)
	must(t, w.WriteHeader(&tar.Header{Name: "etc/zero", Mode: 0o600, Size: 2 << 30}))
	return append(gzipped(t, head.Bytes()), bytes.Repeat(piece, 20)...)
}

// A zip may say less than it unpacks to, and holds names that no file system has.
func TestBundleKeepsToItself(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, data := range map[string]string{
		"node-1/etc/containerd/config.toml":                 listed("/etc/containerd/certs.d"),
		"node-1/etc/containerd/certs.d/_default/hosts.toml": spegelHosts(""),
		"node-1/etc/containerd/certs.d/big/hosts.toml":      strings.Repeat("#", 2<<20),
		"/node-1/etc/hosts":                                 "127.0.0.1 localhost",
	} {
		f, err := w.Create(name)
		must(t, err)
		_, err = io.WriteString(f, data)
		must(t, err)
	}
	link := &zip.FileHeader{Name: "node-1/etc/containerd/certs.d/link"}
	link.SetMode(os.ModeSymlink | 0o777)
	f, err := w.CreateHeader(link)
	must(t, err)
	_, err = io.WriteString(f, "../../../../../etc")
	must(t, err)
	must(t, w.Close())
	files := oneBundle(t, buf.Bytes())
	results := examine(t, options{Files: files})
	want(t, results["mirror-config"], node.Fail, "_default/hosts.toml sends", "big/hosts.toml is too large", "link/hosts.toml is not part of what could be read")
	for _, name := range []string{"/etc/passwd", "/x", "/etc/containerd/certs.d/link/passwd"} {
		if data, err := files.ReadFile(t.Context(), name, 100); err == nil {
			t.Errorf("%s holds %q", name, data)
		}
	}
}

// A node may have a folder that looks like a root.
func TestFolderOfANodeIsNoNode(t *testing.T) {
	t.Parallel()
	one := content{"etc/hostname": "node-1\n", certs + "_default/hosts.toml": spegelHosts(""), "data/etc/hosts": "", "data/./etc/containerd/x": ""}
	files := oneBundle(t, one.tar(t))
	if files.Node() != "node-1" {
		t.Errorf("it is %s", files.Node())
	}
	two, err := bundle(t, content{"node-1/etc/hosts": "", "node-2/etc/hosts": ""}.tar(t))
	if err != nil || len(two) != 2 {
		t.Errorf("%d nodes, %v; want 2", len(two), err)
	}
}
