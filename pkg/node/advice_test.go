package node_test

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/node"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// with is a content with more files, or others.
func (c content) with(more content) content {
	out := maps.Clone(c)
	maps.Copy(out, more)
	return out
}

// containerd reads each directory of a list where it does not pull through its transfer service.
func TestListOfDirectoriesByTheWayOfPulling(t *testing.T) {
	t.Parallel()
	const v2 = "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n"
	v3 := listed("/etc/containerd/certs.d:/etc/docker/certs.d")
	images := func(setting string) string { return v3 + "[plugins.'io.containerd.cri.v1.images']\n" + setting + "\n" }
	const by = "containerd reads them all: by "
	for name, test := range map[string]struct {
		config string
		status node.Status
		says   string
	}{
		"nothing is set":                   {v3, node.Warn, "set use_local_image_pull = true"},
		"use_local_image_pull":             {images("use_local_image_pull = true"), node.Pass, by + "use_local_image_pull"},
		"use_local_image_pull is off":      {images("use_local_image_pull = false"), node.Warn, "set use_local_image_pull = true"},
		"layers are discarded":             {images("discard_unpacked_layers = true"), node.Pass, by + "discard_unpacked_layers"},
		"layers are kept":                  {images("discard_unpacked_layers = false"), node.Warn, "then read none of them"},
		"the same, in version 2":           {v2 + "[plugins.'io.containerd.grpc.v1.cri'.containerd]\ndiscard_unpacked_layers = true\nruntimes.runc = {}\n", node.Pass, by + "discard_unpacked_layers"},
		"the same, without runtimes":       {v2 + "[plugins.'io.containerd.grpc.v1.cri'.containerd]\ndiscard_unpacked_layers = true\n", node.Warn, "then read none of them"},
		"use_local_image_pull, version 2":  {v2 + "[plugins.'io.containerd.grpc.v1.cri']\nuse_local_image_pull = true\n", node.Warn, "then read none of them"},
		"file systems are synced":          {images("image_pull_with_sync_fs = true"), node.Pass, by + "image_pull_with_sync_fs"},
		"snapshots are annotated":          {images("disable_snapshot_annotations = false"), node.Pass, by + "disable_snapshot_annotations"},
		"snapshots are not, as by default": {images("disable_snapshot_annotations = true"), node.Warn, "then read none of them"},
		"more downloads at a time":         {images("max_concurrent_downloads = 5"), node.Pass, by + "max_concurrent_downloads"},
		"as many as by default":            {images("max_concurrent_downloads = 3"), node.Warn, "then read none of them"},
		"credentials in the configuration": {v3 + "[plugins.'io.containerd.cri.v1.images'.registry.configs.'" + private + "'.auth]\nusername = 'x'\n", node.Pass, by + "registry.configs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{"etc/containerd/config.toml": test.config, certs: "", "etc/docker/certs.d/ghcr.io/ca.crt": "x"}
			results := judge(t, c.root(t))
			want(t, results["mirror-config"], test.status, test.says)
			if contains(printed(results["mirror-config"]), "name one directory") {
				t.Errorf("the advice gives the registry's certificate up:\n%s", printed(results["mirror-config"]))
			}
		})
	}
}

// What Spegel moved away counts for every registry, public ones too, unless it put the hosts back.
func TestDisplacedHostsFiles(t *testing.T) {
	t.Parallel()
	const hub, backup = "docker.io/hosts.toml", certs + "_backup/docker.io/hosts.toml"
	const cache = "[host.'https://cache.example.com/v2/hub']\noverride_path = true\n"
	spegel := spegelHosts("https://registry-1.docker.io")
	prepended := strings.Replace(spegel, "[host.", cache+"[host.", 1)
	for name, test := range map[string]struct {
		content content
		status  node.Status
		says    string
		never   string
	}{
		"a cache of a registry that is listed":           {content{certs + hub: spegel, backup: cache}, node.Warn, "set spegel.prependExisting: true", "cp -r"},
		"the same, and all of it in a table":             {content{certs + hub: spegel, backup: cache + "ca = '/etc/ca.crt'\n"}, node.Warn, "set spegel.prependExisting: true", "before that"},
		"the same, and Spegel put it back":               {content{certs + hub: prepended, backup: cache}, node.Pass, "displaced into", "prependExisting"},
		"a cache of a registry that is not listed":       {content{certs + "ghcr.io/" + "hosts.toml": spegelHosts("https://ghcr.io"), backup: cache}, node.Warn, "list it in spegel.mirroredRegistries with spegel.prependExisting: true", "private-registry-mirrored"},
		"an authority of a registry that is listed":      {content{certs + hub: spegel, backup: "server = 'https://registry-1.docker.io'\nca = '/etc/ca.crt'\n"}, node.Warn, `what is of the registry itself in [host."https://registry-1.docker.io"]`, "cp -r"},
		"an authority beside a cache":                    {content{certs + hub: spegel, backup: "ca = '/etc/ca.crt'\n" + cache}, node.Warn, `what is of the registry itself in [host."https://registry-1.docker.io"]`, "cp -r"},
		"a server in its place":                          {content{certs: "", backup: "server = 'https://cache.example.com'\n"}, node.Warn, `server "https://cache.example.com"`, ""},
		"a cache on the node itself":                     {content{certs + hub: spegel, backup: "[host.'http://127.0.0.1:5000']\n"}, node.Warn, `its hosts file (host "http://127.0.0.1:5000")`, ""},
		"one by plain HTTP":                              {content{certs: "", certs + "_backup/" + private + "/hosts.toml": "server = 'http://" + private + "'\n"}, node.Warn, `its hosts file (server "http://` + private + `")`, ""},
		"the same, and listed so":                        {content{certs + "quay.io/hosts.toml": spegelHosts("http://quay.io"), certs + "_backup/quay.io/hosts.toml": "server = 'http://quay.io'\n"}, node.Pass, "displaced into", "no longer sees"},
		"one at another port":                            {content{certs: "", certs + "_backup/" + private + "/hosts.toml": "server = 'https://" + private + ":8443'\n"}, node.Warn, "no longer sees its hosts file", ""},
		"one by plain HTTP keeps its table so":           {content{certs: "", certs + "_backup/quay.io/hosts.toml": "server = 'http://quay.io'\n"}, node.Warn, `what is of the registry itself in [host."http://quay.io"]`, "https://"},
		"a server with a path":                           {content{certs: "", certs + "_backup/quay.io/hosts.toml": "server = 'https://cache.example.com:5000/quay'\noverride_path = true\n"}, node.Warn, `[host."https://cache.example.com:5000/quay"]`, "https://quay.io"},
		"a server in place of one that is listed":        {content{certs + hub: spegel, backup: "server = 'https://cache.example.com'\n"}, node.Warn, "what is of the registry itself in [host.", "cp -r"},
		"one as k3s writes it":                           {content{certs: "", certs + "_backup/" + private + "/hosts.toml": "server = 'https://" + private + "/v2'\n"}, node.Pass, "displaced into", "no longer sees"},
		"what containerd does without it":                {content{certs + hub: spegel, backup: "server = 'https://registry-1.docker.io'\n"}, node.Pass, "displaced into", "no longer sees"},
		"what an older Spegel wrote":                     {content{certs + hub: spegel, backup: strings.ReplaceAll(spegelHosts("https://docker.io"), ":30020", ":30021")}, node.Pass, "displaced into", "no longer sees"},
		"what an older Spegel wrote as the server":       {content{certs: "", backup: "server = 'http://192.0.2.11:30020'\n"}, node.Pass, "displaced into", "no longer sees"},
		"a private registry, not listed":                 {content{certs: "", certs + "_backup/" + private + "/hosts.toml": cache}, node.Warn, "and private-registry-mirrored: warn in the policy", ""},
		"the same of a registry that is listed":          {content{certs + private + "/hosts.toml": spegel, certs + "_backup/" + private + "/ca.crt": "x"}, node.Fail, "containerd no longer sees its certificates (ca.crt)", "cp -r"},
		"the same of one that nobody calls private":      {content{certs: "", certs + "_backup/quay.io/ca.crt": "x"}, node.Warn, "containerd no longer sees its certificates (ca.crt)", ""},
		"a port as Docker writes it":                     {content{certs + "quay.io:5000/hosts.toml": spegelHosts("https://quay.io:5000"), certs + "_backup/quay.io_5000_/hosts.toml": cache}, node.Warn, "have /etc/containerd/certs.d/_backup/quay.io:5000/hosts.toml hold all of it in tables of hosts", "list it"},
		"the same, and it is back there":                 {content{certs + "quay.io:5000/hosts.toml": cache + spegelHosts(""), certs + "_backup/quay.io_5000_/hosts.toml": cache}, node.Pass, "displaced into", "no longer sees"},
		"a host with an authority beside it":             {content{certs: "", certs + "_backup/quay.io/hosts.toml": "[host.'https://quay.io']\nca = 'ca.crt'\n", certs + "_backup/quay.io/ca.crt": "x"}, node.Warn, "with the paths of certificates from the root", ""},
		"a host with an authority elsewhere":             {content{certs: "", certs + "_backup/quay.io/hosts.toml": "[host.'https://quay.io']\nca = '/etc/ca.crt'\n"}, node.Warn, "prependExisting", "before that"},
		"an authority that is in no file":                {content{certs: "", certs + "_backup/quay.io/ca.crt": "x"}, node.Warn, `in [host."https://quay.io"], with the paths of certificates from the root, as in ca = "/etc/containerd/certs.d/_backup/quay.io/ca.crt"`, ""},
		"a client certificate that is in no file":        {content{certs: "", certs + "_backup/quay.io/a.cert": "x", certs + "_backup/quay.io/a.key": "x"}, node.Warn, "its certificates (a.cert and a.key)", ""},
		"what Spegel can't put back":                     {content{certs + hub: spegel, backup: "server ="}, node.Pass, "told to put it back (prependExisting), Spegel may not start", "no longer sees"},
		"the same, of a certificate beside it":           {content{certs: "", certs + "_backup/quay.io/hosts.toml": "server =", certs + "_backup/quay.io/ca.crt": "x"}, node.Warn, "told to put it back (prependExisting), Spegel may not start", ""},
		"a folder that held nothing":                     {content{certs: "", certs + "_backup/" + private + "/": ""}, node.Pass, "displaced into", "no longer sees"},
		"what containerd could not read":                 {content{certs: "", certs + "_backup/" + private + "/hosts.toml": "server ="}, node.Pass, "displaced into", "no longer sees"},
		"the same, beside a certificate":                 {content{certs: "", certs + "_backup/" + private + "/hosts.toml": "server =", certs + "_backup/" + private + "/ca.crt": "x"}, node.Warn, "containerd no longer sees its certificates (ca.crt)", ""},
		"certificates alone, and somebody put them back": {content{certs + "quay.io/ca.crt": "x", certs + "_backup/quay.io/ca.crt": "x"}, node.Pass, "displaced into", "no longer sees"},
		"a cache, and a folder without a file is there":  {content{certs + "quay.io/ca.crt": "x", certs + "_backup/quay.io/hosts.toml": cache}, node.Warn, "no longer sees its hosts file", ""},
		"a cache of every registry":                      {content{certs: "", certs + "_backup/_default/hosts.toml": cache}, node.Warn, "give each registry that needs these hosts a folder of its own", "if _default needs it"},
		"a private registry with certificates alone":     {content{certs: "", certs + "_backup/" + private + "/ca.crt": "x"}, node.Warn, "on this node: cp -r /etc/containerd/certs.d/_backup/" + private, ""},
		"what k3s had written":                           {content{k3s + "etc/containerd/config.toml": listed("/" + k3s + "etc/containerd/certs.d"), k3s + "etc/containerd/certs.d/_backup/quay.io/hosts.toml": "server = 'https://quay.io/v2'\nca = '/etc/ca.crt'\n"}, node.Warn, `[host."https://quay.io/v2"]`, "as an endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := judge(t, test.content.root(t))["mirror-config"]
			want(t, r, test.status, test.says)
			if test.never != "" && contains(printed(r), test.never) {
				t.Errorf("it says %q:\n%s", test.never, printed(r))
			}
		})
	}
}

// What Spegel did not move away is not said to be in _backup.
func TestNothingWasDisplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]content{
		"there is no _backup":   {certs + "_default/hosts.toml": spegelHosts("")},
		"it is of another host": {certs + "_default/hosts.toml": spegelHosts(""), certs + "_backup/quay.io/hosts.toml": "[host.'https://cache.example.com']\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := judge(t, c.root(t))["resolution"]
			want(t, r, node.Fail, "through Spegel, then the registry")
			if contains(printed(r), "_backup/") || contains(printed(r), "prependExisting") {
				t.Errorf("it says where something is that is not there:\n%s", printed(r))
			}
		})
	}
}

// Spegel behind other hosts is asked only where those fail.
func TestOrderOfHosts(t *testing.T) {
	t.Parallel()
	const itself, other, spegel = "[host.'https://" + private + "']\n", "[host.'https://other.example.com']\n", "[host.'http://192.0.2.11:30020']\n"
	const pullOnly = "capabilities = ['pull']\n"
	for name, test := range map[string]struct {
		folder, file       string
		mirror, resolution node.Status
		says               string
	}{
		"Spegel, then the registry":              {private, spegel, node.Fail, node.Fail, "through Spegel, then the registry, and " + private + " is private"},
		"the registry, then Spegel":              {private, itself + spegel, node.Warn, node.Warn, "the registry, then Spegel, then the registry: Spegel is asked only where what stands before it fails"},
		"another host, Spegel, the registry":     {private, other + spegel, node.Warn, node.Warn, "other.example.com, then Spegel, then the registry: Spegel is asked only where"},
		"Spegel, another host, the registry":     {private, spegel + other, node.Fail, node.Fail, "through Spegel, then other.example.com, then the registry"},
		"the registry, then Spegel, for all":     {"_default", other + spegel, node.Warn, node.Warn, "other.example.com, then Spegel, then the registry"},
		"Spegel for content, before another":     {private, spegel + pullOnly + itself, node.Fail, node.Warn, "the content, by digest, of Spegel, then the registry"},
		"Spegel for content, behind another":     {private, itself + spegel + pullOnly, node.Warn, node.Warn, "the content, by digest, of the registry, then Spegel"},
		"Spegel may only be pushed to":           {private, spegel + "capabilities = ['push']\n", node.Pass, node.Pass, "direct: Spegel is not asked"},
		"Spegel in a dotted key":                 {private, "host.'http://192.0.2.11:30020'.capabilities = ['pull', 'resolve']\n", node.Pass, node.Pass, "direct: Spegel is not asked"},
		"Spegel in an inline table":              {private, "host = {'http://192.0.2.11:30020' = {capabilities = ['pull', 'resolve']}}\n", node.Pass, node.Pass, "direct: Spegel is not asked"},
		"another host for content alone":         {private, other + pullOnly, node.Pass, node.Pass, "for the content alone, by digest, as it may not resolve tags: https://other.example.com/v2"},
		"one that may only be pushed to, before": {private, itself + "capabilities = ['push']\n" + spegel, node.Fail, node.Fail, "through Spegel, then the registry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := judge(t, content{certs + test.folder + "/hosts.toml": test.file}.root(t))
			want(t, results["mirror-config"], test.mirror)
			want(t, results["resolution"], test.resolution, test.says)
		})
	}
}

// A policy that has Spegel listed for private registries, as with prependExisting, is not contradicted on the node.
func TestPolicyLowersWhatItAccepts(t *testing.T) {
	t.Parallel()
	const listed, empty, wildcard = "private-registry-mirrored", "empty-mirror-list", "wildcard-mirror"
	for _, rule := range validate.Rules() {
		if rule.Default != validate.Deny && (rule.ID == listed || rule.ID == empty || rule.ID == wildcard) {
			t.Errorf("%s is %s by default", rule.ID, rule.Default)
		}
	}
	own := spegelHosts("https://" + private)
	behind := "[host.'https://" + private + "']\n" + spegelHosts("")
	for name, test := range map[string]struct {
		folder, file string
		policy       map[string]validate.Severity
		status       node.Status
		says         string
	}{
		"nothing is said":                           {private, own, nil, node.Fail, "sends containerd to Spegel"},
		"listed, with a warning":                    {private, own, map[string]validate.Severity{listed: validate.Warn}, node.Warn, "the policy lowers this: private-registry-mirrored: warn"},
		"listed, without a word":                    {private, own, map[string]validate.Severity{listed: validate.Off}, node.Pass, "the policy lowers this: private-registry-mirrored: off"},
		"denied anew":                               {private, own, map[string]validate.Severity{listed: validate.Deny}, node.Fail, "sends containerd to Spegel"},
		"listed, and there is a _default":           {"_default", own, map[string]validate.Severity{listed: validate.Off}, node.Fail, "the private ones included"},
		"an empty list alone, and a _default":       {"_default", own, map[string]validate.Severity{empty: validate.Off}, node.Pass, "the policy lowers this: empty-mirror-list: off"},
		"a wildcard with a warning, and a _default": {"_default", own, map[string]validate.Severity{empty: validate.Deny, wildcard: validate.Warn}, node.Warn, "the policy lowers this: wildcard-mirror: warn"},
		"an empty list, and a folder":               {private, own, map[string]validate.Severity{empty: validate.Off, wildcard: validate.Off}, node.Fail, "sends containerd to Spegel"},
		"other hosts first, and a warning":          {private, behind, map[string]validate.Severity{listed: validate.Warn}, node.Warn, "the policy lowers this"},
		"other hosts first, and without a word":     {private, behind, map[string]validate.Severity{listed: validate.Off}, node.Pass, "the policy lowers this"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := content{certs + test.folder + "/hosts.toml": test.file}
			results := examine(t, options{Files: c.root(t), Registries: registries(t, private), Severities: test.policy, Image: private + "/a:1", Dial: nowhere, Lookup: unknown})
			want(t, results["mirror-config"], test.status, test.says)
			want(t, results["resolution"], test.status)
			if test.status == node.Pass && results["resolution"].Fix+results["mirror-config"].Fix != "" {
				t.Errorf("there is something to fix: %s", printed(results["mirror-config"]))
			}
		})
	}
	back := content{certs + private + "/hosts.toml": "server = 'http://192.0.2.11:30020'\n"}
	o := options{Files: back.root(t), Registries: registries(t, private), Severities: map[string]validate.Severity{listed: validate.Off}, Image: private + "/a:1", Dial: nowhere, Lookup: unknown}
	want(t, examine(t, o)["resolution"], node.Fail, "no way back")
}

// A _default does not reach a registry that has a folder of its own.
func TestDefaultBesideFoldersOfTheirOwn(t *testing.T) {
	t.Parallel()
	c := content{certs + "_default/hosts.toml": spegelHosts(""), certs + private + "/hosts.toml": "server = 'https://" + private + "'\n"}
	want(t, judge(t, c.root(t))["mirror-config"], node.Warn, "each private registry that is named has one")
	more := options{Files: c.root(t), Registries: registries(t, private, "other.example.com"), Dial: nowhere, Lookup: unknown}
	want(t, examine(t, more)["mirror-config"], node.Fail, "the private ones included")
	more.Registries = registries(t, private, "*.example.org")
	want(t, examine(t, more)["mirror-config"], node.Fail, "the private ones included")
}

// Whoever wrote a file has to be told.
func TestWhoWroteAFile(t *testing.T) {
	t.Parallel()
	const k3sHosts, talosHosts = k3s + "etc/containerd/certs.d/", "etc/cri/conf.d/hosts/"
	k3sNode := content{k3s + "etc/containerd/config.toml": listed("/" + k3sHosts)}
	talosNode := content{"etc/cri/containerd.toml": "version = 3\nimports = ['/etc/cri/conf.d/cri.toml']\n", "etc/cri/conf.d/cri.toml": listed("/" + talosHosts)}
	const byK3s = "server = \"https://" + private + "/v2\"\n[host.\"http://127.0.0.1:30020/v2\"]\n  capabilities = [\"pull\", \"resolve\"]\n"
	silentSpegel := func(objects []client.Object) *node.Cluster { // containerdMirrorAdd: false
		for _, o := range objects {
			switch o := o.(type) {
			case *appsv1.DaemonSet:
				o.Spec.Template.Spec = registryOnly()
			case *corev1.Pod:
				name := o.Spec.NodeName
				o.Spec = registryOnly()
				o.Spec.NodeName = name
			}
		}
		return cluster(objects...)
	}
	for name, test := range map[string]struct {
		content     content
		cluster     *node.Cluster
		says, never string
	}{
		"k3s, from registries.yaml": {k3sNode.with(content{k3sHosts + private + "/hosts.toml": byK3s}), nil, "/etc/rancher/k3s/registries.yaml", "spegel.mirroredRegistries|rm -r"},
		"k3s, and a folder that it does not write": {
			content{k3s + "etc/containerd/config.toml": listed("/etc/docker/certs.d"), "etc/docker/certs.d/" + private + "/hosts.toml": "server = \"https://" + private + "/v2\"\n[host.\"http://127.0.0.1:30020/v2\"]\n"}, nil,
			"list the registries to mirror", "registries.yaml",
		},
		"Spegel, with k3s":                    {k3sNode.with(content{k3sHosts + private + "/hosts.toml": spegelHosts("")}), nil, "spegel.mirroredRegistries", "registries.yaml"},
		"Spegel, on Talos":                    {talosNode.with(content{talosHosts + "_default/hosts.toml": spegelHosts("")}), nil, "spegel.mirroredRegistries", "rm -r"},
		"Spegel, or user data":                {content{certs + "_default/hosts.toml": spegelHosts("")}, nil, "if Spegel did not write the file, as with containerdMirrorAdd: false", ""},
		"Spegel, which left its _backup":      {content{certs + "_default/hosts.toml": spegelHosts(""), certs + "_backup/": ""}, nil, "spegel.mirroredRegistries", "did not write"},
		"Spegel, or Talos":                    {talosNode.with(content{talosHosts + "_default/hosts.toml": spegelHosts("")}), nil, "take Spegel out of the endpoints, in machine.registries", "user data"},
		"Spegel, and a table of the registry": {content{certs + private + "/hosts.toml": spegelHosts("https://"+private) + "\n[host.'https://" + private + "']\n"}, nil, "leave what else is there (hosts)", "rm -r"},
		"Spegel, and nothing else is there":   {content{certs + private + "/hosts.toml": spegelHosts("https://" + private)}, nil, "rm -r /etc/containerd/certs.d/" + private, ""},
		"Spegel, and a certificate is there":  {content{certs + private + "/hosts.toml": spegelHosts("https://" + private), certs + private + "/ca.crt": "x"}, nil, "take Spegel out of", "rm -r"},
		"Spegel, beside another host":         {content{certs + private + "/hosts.toml": spegelHosts("") + "\n[host.'https://other.example.com']\n"}, nil, "leave what else is there (hosts)", "rm -r"},
		"Spegel, and another server":          {content{certs + private + "/hosts.toml": spegelHosts("https://other.example.com")}, nil, "leave what else is there (server)", "rm -r"},
		"Spegel, and a server by plain HTTP":  {content{certs + private + "/hosts.toml": spegelHosts("http://" + private)}, nil, "leave what else is there (server)", "rm -r"},
		"Spegel, and a server at port 8443":   {content{certs + private + "/hosts.toml": spegelHosts("https://" + private + ":8443")}, nil, "leave what else is there (server)", "rm -r"},
		"Spegel, and a server with a path":    {content{certs + private + "/hosts.toml": spegelHosts("https://" + private + "/proxy")}, nil, "leave what else is there (server)", "rm -r"},
		"Spegel, by its address alone":        {content{certs + private + "/hosts.toml": "[host.'http://127.0.0.1:5000']\n"}, nil, "leave what else is there (hosts)", "rm -r"},
		"the same, and Spegel has been there": {content{certs + private + "/hosts.toml": "[host.'http://127.0.0.1:5000']\n", certs + "_backup/": ""}, nil, "on this node: rm -r", ""},
		"the node's user data, where Spegel writes nothing": {
			content{"etc/hostname": "node-1\n", certs + "_default/hosts.toml": spegelHosts("")}, silentSpegel(spegelSet(nil, map[string]string{"node-1": "new"})),
			"containerdMirrorAdd is false", "spegel.mirroredRegistries|rollout restart",
		},
		"what Spegel moved away when it wrote": {
			content{"etc/hostname": "node-1\n", certs + "_default/hosts.toml": spegelHosts(""), certs + "_backup/quay.io/ca.crt": "x"}, silentSpegel(spegelSet(nil, map[string]string{"node-1": "new"})), "put it back once, on this node: cp -r /etc/containerd/certs.d/_backup/quay.io /etc/containerd/certs.d", "prependExisting|each start",
		},
		"the same, on Talos": {
			talosNode.with(content{"etc/hostname": "node-1\n", talosHosts + "_default/hosts.toml": "[host.'http://192.0.2.11:29999']\n", talosHosts + "_backup/quay.io/hosts.toml": "server = 'http://quay.io'\n"}), silentSpegel(spegelSet(nil, map[string]string{"node-1": "new"})), "provide this one again, in machine.registries", "prependExisting|cp -r",
		},
		"Talos' machine configuration, where Spegel writes nothing": {
			talosNode.with(content{"etc/hostname": "node-1\n", talosHosts + "_default/hosts.toml": "[host.'http://192.0.2.11:29999']\n"}), silentSpegel(spegelSet(nil, map[string]string{"node-1": "new"})),
			"machine.registries of the machine configuration", "spegel.mirroredRegistries|rm -r",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, options{Files: test.content.root(t), Cluster: test.cluster, Registries: registries(t, private), Dial: nowhere, Lookup: unknown})["mirror-config"]
			want(t, r, node.Fail, test.says)
			if test.never != "" && regexp.MustCompile(test.never).MatchString(r.Fix) {
				t.Errorf("it advises %q:\n%s", test.never, r.Fix)
			}
		})
	}
}

// registryOnly is a pod of Spegel that serves and writes no hosts files.
func registryOnly() corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "registry", Args: []string{"registry", "--router-addr=:5001", "--containerd-sock=/run/containerd/containerd.sock"}}}}
}
