package node_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

func TestCRILog(t *testing.T) {
	t.Parallel()
	const image = "harbor.example.com/team/app:v1"
	good := `time="2026-03-01T11:59:30Z" level=info msg="PullImage \"` + image + `\" returns image reference \"sha256:1234\""` + "\n"
	now := asOfNow
	tests := map[string]struct {
		log    string
		status node.Status
		says   string
	}{
		"no failure": {strings.Repeat("time=\"2026-03-01T11:59:30Z\" level=info msg=\"event\"\n", 10), node.Pass, "has no failed pull from harbor.example.com"},
		"two failures are told once": {
			failedLine(image, asOf.Add(-3*time.Minute), "not found") + failedLine(image, asOf.Add(-2*time.Minute), "not found"),
			node.Fail, image + ": 2 failed, the last one 2m0s ago: rpc error",
		},
		"long ago":                  {failedLine(image, asOf.Add(-3*time.Hour), "not found"), node.Warn, "the last one 3h0m0s ago"},
		"a pull that succeeded":     {failedLine(image, asOf.Add(-3*time.Minute), "not found") + good, node.Pass, "1 failed, and then a pull succeeded\n/var/log/containerd.log has no other failed pull"},
		"another registry":          {failedLine("ghcr.io/a:1", asOf, "not found"), node.Pass, "no failed pull"},
		"one of a pattern":          {failedLine("a.b.example.org/a:1", asOf, "not found"), node.Fail, "a.b.example.org/a:1: 1 failed"},
		"syslog's head before it":   {"Mar  1 11:59:00 node-1 containerd[7]: " + failedLine(image, asOf.Add(-time.Minute), "not found"), node.Fail, "1m0s ago"},
		"JSON":                      {`{"error":"rpc error: no such host","level":"error","msg":"PullImage \"` + image + `\" failed","time":"2026-03-01T11:58:00Z"}` + "\n", node.Fail, "the last one 2m0s ago: rpc error: no such host"},
		"what may be a credential":  {failedLine(image, asOf, "get https://u:hunter2@harbor.example.com/token?account=u&token=hunter2: Authorization: Bearer hunter2.x"), node.Fail, "https://***@harbor.example.com/token?***"},
		"a line of many megabytes":  {failedLine(image, asOf, strings.Repeat("x", 3<<20)), node.Fail, "..."},
		"no text, and no line ends": {strings.Repeat("\x00\xff", 1<<20), node.Skip, "no line as containerd writes them"},
		"an empty log":              {"", node.Skip, "no line as containerd writes them"},
		"a message that names one":  {`time="2026-03-01T11:59:30Z" level=info msg="as told: PullImage \"` + image + `\" failed"` + "\n", node.Pass, "no failed pull"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{"var/log/containerd.log": test.log}
			results := examine(t, options{Files: c.root(t), Registries: registries(t, "harbor.example.com", "*.example.org"), Now: now, Dial: nowhere, Lookup: unknown})
			r := results["cri-log"]
			want(t, r, test.status, test.says)
			if text := printed(r); contains(text, "hunter2") || len(text) > 4<<10 {
				t.Errorf("%d bytes: %.500s", len(text), text)
			}
		})
	}
	t.Run("only the end of a long log is read", func(t *testing.T) {
		t.Parallel()
		c := content{"var/log/containerd.log": failedLine(image, asOf, "not found") + strings.Repeat("level=info x\n", 1<<19)}
		want(t, examine(t, options{Files: c.root(t), Registries: registries(t, "harbor.example.com"), Now: now, Dial: nowhere, Lookup: unknown})["cri-log"], node.Pass)
	})
	const head = "Mar  1 11:59:00 node-1 "
	for name, test := range map[string]struct {
		syslog string
		status node.Status
		says   string
	}{
		"syslog":                           {head + "kernel: eth0: up\n" + head + "containerd[7]: " + failedLine(image, asOf, "not found"), node.Fail, "1 failed"},
		"of syslog, another program":       {head + "shipper[9]: " + failedLine(image, asOf, "not found") + head + "containerd[7]: " + good, node.Pass, "/var/log/syslog has no failed pull"},
		"syslog without a line of its own": {head + "shipper[9]: " + failedLine(image, asOf, "not found"), node.Skip, "systemd's journal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{Files: content{"var/log/syslog": test.syslog}.root(t), Registries: registries(t, "harbor.example.com"), Now: now, Dial: nowhere, Lookup: unknown}
			want(t, examine(t, o)["cri-log"], test.status, test.says)
		})
	}
	t.Run("a journal", func(t *testing.T) {
		t.Parallel()
		want(t, examine(t, options{Files: content{"var/log/journal/": ""}.root(t), Registries: registries(t, "harbor.example.com"), Dial: nowhere, Lookup: unknown})["cri-log"],
			node.Skip, "systemd's journal", "journalctl -u containerd")
	})
}

func TestStaleIngests(t *testing.T) {
	t.Parallel()
	many := content{}
	for id := range strings.SplitSeq("abcdefgh", "") {
		many[ingest+"aaaa"+id+"/updatedat"] = asOf.Add(-24 * time.Hour).Format(time.RFC3339Nano)
		many[ingest+"aaaa"+id+"/data"] = "x"
	}
	for name, test := range map[string]struct {
		content content
		status  node.Status
		says    string
	}{
		"none":                  {content{ingest: ""}, node.Pass, "0 downloads"},
		"never any":             {content{"var/lib/containerd/io.containerd.content.v1.content/x": ""}, node.Pass, "0 downloads"},
		"none was handed over":  {content{"var/lib/containerd/io.containerd.content.v1.content/blobs/": ""}, node.Skip, "is not part of what could be read"},
		"no store":              {content{"etc/hosts": ""}, node.Skip, "no content store"},
		"many":                  {many, node.Warn, "download aaaah was last written to 1h0m0s ago"},
		"no data to look at":    {content{ingest + "aaaa/updatedat": asOf.Add(-time.Hour).Format(time.RFC3339Nano), ingest + "aaaa/ref": "x"}, node.Skip, "of 1 downloads it is not known whether they go on"},
		"just begun, no data":   {content{ingest + "aaaa/updatedat": asOf.Format(time.RFC3339Nano)}, node.Pass, "1 downloads, none of them older"},
		"a file, no download":   {content{ingest + "aaaa": "x"}, node.Pass, "0 downloads"},
		"no time that is a one": {content{ingest + "aaaa/updatedat": "yesterday", ingest + "aaaa/data": "x"}, node.Warn, "download aaaa was last written to 1h0m0s ago"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want(t, examine(t, options{Files: test.content.root(t), Now: asOfNow})["stale-ingests"], test.status, test.says)
		})
	}
}

// What restarts containerd differs, and a command that is refused helps nobody.
func TestHowContainerdIsRestarted(t *testing.T) {
	t.Parallel()
	at := func(root string) content {
		return content{root + "/io.containerd.content.v1.content/ingest/aaaa/data": "x", "etc/hosts": ""}
	}
	with := func(c content, config string) content {
		c[config] = "version = 3\n"
		return c
	}
	rooted := func(root string) content { // as its configuration says
		c := at(root)
		c["etc/containerd/config.toml"] = "version = 3\nroot = '/" + root + "'\n"
		return c
	}
	for name, test := range map[string]struct {
		files node.Files
		fix   string
	}{
		"a service of its own": {at("var/lib/containerd").root(t), "stays: systemctl restart containerd"},
		"k3s":                  {at("var/lib/rancher/k3s/agent/containerd").root(t), "systemctl restart k3s, on an agent: systemctl restart k3s-agent"},
		"RKE2":                 {at("var/lib/rancher/rke2/agent/containerd").root(t), "systemctl restart rke2-server, on an agent: systemctl restart rke2-agent"},
		"MicroK8s":             {rooted("var/snap/microk8s/common/var/lib/containerd").root(t), "snap restart microk8s.daemon-containerd"},
		"k0s":                  {rooted("var/lib/k0s/containerd").root(t), "systemctl restart k0sworker, on a controller: systemctl restart k0scontroller"},
		"Talos":                {with(at("var/lib/containerd"), "etc/cri/containerd.toml").talos(t), "talosctl -n <node> reboot"},
		"an archive of Talos":  {oneBundle(t, with(at("var/lib/containerd"), "etc/cri/containerd.toml").zip(t, "node-1")), "talosctl -n <node> reboot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, options{Files: test.files, Now: asOfNow})["stale-ingests"]
			want(t, r, node.Warn, "pull the image again; if the download stays", test.fix)
			if strings.Count(r.Fix, "systemctl restart containerd")+strings.Count(r.Fix, "cri restart") > strings.Count(test.fix, "systemctl restart containerd") {
				t.Error(r.Fix)
			}
		})
	}
}
