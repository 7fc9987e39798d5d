package containerd

import (
	"os"
	"path/filepath"
	"testing"

	server "github.com/containerd/containerd/v2/cmd/containerd/server/config"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/test/folder"
)

const (
	v3Path = "[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = "
	v2Path = "[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = "
	v1Path = "[plugins.cri.registry]\nconfig_path = "
)

// root is a node with these files, by name without the leading slash.
func root(t testing.TB, all map[string]string) nodefs.Files {
	t.Helper()
	r, err := nodefs.OpenRoot(folder.Write(t, all))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// Imported files are merged as containerd's own code does it: it runs on the same files here.
func TestImportsAsContainerd(t *testing.T) {
	t.Parallel()
	const main = "etc/containerd/config.toml"
	for name, test := range map[string]struct {
		files map[string]string
		want  string
		from  string
	}{
		"no imports, version 3": {map[string]string{main: "version = 3\n" + v3Path + "'/a'\n"}, "/a", main},
		"no imports, version 2": {map[string]string{main: "version = 2\n" + v2Path + "'/a'\n"}, "/a", main},
		"no imports, version 1": {map[string]string{main: v1Path + "'/a'\n"}, "/a", main},
		"a drop-in overrides": {map[string]string{
			main:                           "version = 3\nimports = ['conf.d/*.toml']\n" + v3Path + "'/a'\n[plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'x'\n",
			"etc/containerd/conf.d/b.toml": "version = 3\n" + v3Path + "'/b'\n",
		}, "/b", "etc/containerd/conf.d/b.toml"},
		"of two drop-ins the later": {map[string]string{
			main:                            "version = 3\nimports = ['conf.d/*.toml']\n",
			"etc/containerd/conf.d/10.toml": "version = 3\n" + v3Path + "'/first'\n",
			"etc/containerd/conf.d/20.toml": "version = 3\n" + v3Path + "'/second'\n",
			"etc/containerd/conf.d/30.conf": "version = 3\n" + v3Path + "'/not this'\n",
		}, "/second", "etc/containerd/conf.d/20.toml"},
		"a drop-in without a word of it": {map[string]string{
			main:                           "version = 3\nimports = ['conf.d/*.toml']\n" + v3Path + "'/a'\n",
			"etc/containerd/conf.d/b.toml": "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry.headers]\nX = ['y']\n",
		}, "/a", main},
		"a drop-in that empties it": {map[string]string{
			main:                           "version = 3\nimports = ['conf.d/*.toml']\n" + v3Path + "'/a'\n",
			"etc/containerd/conf.d/b.toml": "version = 3\n" + v3Path + "''\n",
		}, "", "etc/containerd/conf.d/b.toml"},
		"one that imports another, and the first again": {map[string]string{
			main:                    "version = 3\nimports = ['x.toml', 'y.toml']\n" + v3Path + "'/a'\n",
			"etc/containerd/x.toml": "version = 3\nimports = ['z.toml', 'config.toml']\n" + v3Path + "'/x'\n",
			"etc/containerd/y.toml": "version = 3\n" + v3Path + "'/y'\n",
			"etc/containerd/z.toml": "version = 3\nroot = '/z'\n" + v3Path + "'/z'\n",
		}, "/z", "etc/containerd/z.toml"},
		"a drop-in of version 2 beside one of 3": {map[string]string{
			main:                           "version = 3\nimports = ['conf.d/*.toml']\n" + v3Path + "'/a'\n",
			"etc/containerd/conf.d/b.toml": "version = 2\n" + v2Path + "'/b'\n",
		}, "/b", "etc/containerd/conf.d/b.toml"},
		"a drop-in of no version, beside version 2": {map[string]string{
			main:                           "version = 2\nimports = ['conf.d/*.toml']\n" + v2Path + "'/a'\n",
			"etc/containerd/conf.d/b.toml": v1Path + "'/b'\n",
		}, "/b", "etc/containerd/conf.d/b.toml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range test.files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			files, err := nodefs.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = files.Close() })
			c := (&Node{Files: files}).Config(t.Context())
			own := server.Config{}
			if err := server.LoadConfig(t.Context(), filepath.Join(dir, main), &own); err != nil {
				t.Fatal(err)
			}
			if c.Root != own.Root || len(c.Unread) > 0 {
				t.Errorf("root %q, notes %q; containerd has root %q", c.Root, c.Unread, own.Root)
			}
			got := ""
			if dirs, _ := c.configPath(); len(dirs) > 0 {
				got = dirs[0]
			}
			if got != test.want || c.PathFrom != "/"+test.from {
				t.Errorf("config_path %q of %s; want %q of %s", got, c.PathFrom, test.want, test.from)
			}
		})
	}
}

// What containerd could not run with, or does not look at, is said.
func TestImportsThatFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		says  string
	}{
		"not there":            {map[string]string{"config.toml": "version = 3\nimports = ['/etc/containerd/gone.toml']\n" + v3Path + "'/a'\n"}, "/etc/containerd/gone.toml, which containerd's configuration imports, does not exist"},
		"left out":             {map[string]string{"config.toml": "version = 3\nimports = ['/opt/b.toml']\n"}, "/opt/b.toml, which containerd's configuration imports, is not part of what could be read"},
		"no TOML":              {map[string]string{"config.toml": "version = 3\nimports = ['b.toml']\n", "b.toml": "x"}, "/etc/containerd/b.toml, which containerd's configuration imports, can't be read: is no TOML"},
		"folders by a pattern": {map[string]string{"config.toml": "version = 3\nimports = ['*/a.toml']\n"}, "/etc/containerd/*, from which containerd's configuration imports, can't be read: folders by a pattern are not followed"},
		"itself twice":         {map[string]string{"config.toml": "version = 3\nimports = ['config.toml', './config.toml']\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			for file, text := range test.files {
				files["etc/containerd/"+file] = text
			}
			c := (&Node{Files: root(t, files)}).Config(t.Context())
			got := ""
			if len(c.Unread) > 0 {
				got = c.Unread[0]
			}
			if len(got) < len(test.says) || got[:len(test.says)] != test.says || test.says == "" && got != "" {
				t.Errorf("%q; want %q", c.Unread, test.says)
			}
		})
	}
}
