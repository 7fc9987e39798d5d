package node_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
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
