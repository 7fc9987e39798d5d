package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

func TestLoadAddsThePrivateRegistriesOfFlags(t *testing.T) {
	t.Parallel()
	file := head + "privateRegistries: [a.example, 'b.example:443']\n"
	for name, c := range map[string]struct {
		file  string // empty for none
		flags []string
		want  []string
	}{
		"no file and no flags":                {"", nil, nil},
		"no file":                             {"", []string{"a.example"}, []string{"a.example"}},
		"no flags":                            {file, nil, []string{"a.example", "b.example:443"}},
		"file first, then flags":              {file, []string{"c.example"}, []string{"a.example", "b.example:443", "c.example"}},
		"what the file has is not added":      {file, []string{"A.example.", "c.example"}, []string{"a.example", "b.example:443", "c.example"}},
		"what another flag has is not added":  {"", []string{"a.example", "A.EXAMPLE"}, []string{"a.example"}},
		"the same host with a port is added":  {file, []string{"b.example"}, []string{"a.example", "b.example:443", "b.example"}},
		"white space around a flag is no sin": {"", []string{" a.example "}, []string{"a.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := ""
			if c.file != "" {
				path = write(t, t.TempDir(), c.file)
			}
			got, err := policy.Load(path, c.flags)
			if err != nil {
				t.Fatal(err)
			}
			want := policy.Default()
			want.PrivateRegistries = registries(t, c.want...)
			if diff := diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := write(t, t.TempDir(), head)
	loop := filepath.Join(dir, "loop.yaml")
	dangling := filepath.Join(dir, "dangling.yaml")
	for link, target := range map[string]string{loop: loop, dangling: filepath.Join(dir, "absent.yaml")} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	bad := write(t, t.TempDir(), head+"unresolved: maybe\n")
	const mebibyte = 1 << 20
	large := write(t, t.TempDir(), head+strings.Repeat("#", mebibyte-len(head)+1))
	for name, c := range map[string]struct {
		path  string
		flags []string
		want  string
	}{
		"a file that is missing":          {filepath.Join(dir, "none.yaml"), nil, "policy: open " + dir + "/none.yaml: no such file or directory"},
		"a link to nothing":               {dangling, nil, "policy: open " + dangling + ": no such file or directory"},
		"a link that can't be followed":   {loop, nil, "policy: open " + loop + ": too many levels of symbolic links"},
		"a directory":                     {dir, nil, "policy: read " + dir + ": is a directory"},
		"a file of more than 1 MiB":       {large, nil, "policy: " + large + " is larger than 1048576 bytes"},
		"a mistake in the file":           {bad, nil, bad + `:3: unresolved: "maybe"; want warn or deny`},
		"a mistake in a flag":             {good, []string{"https://a.example"}, `private registry "https://a.example": has a scheme; want host, host:port or *.domain`},
		"a flag of two words":             {"", []string{"a b"}, `private registry "a b": not a host name; want host, host:port or *.domain`},
		"a flag with a password":          {"", []string{"u:p@a.example"}, `private registry "***@a.example": has user info; want host, host:port or *.domain`},
		"an empty flag":                   {"", []string{""}, `private registry "": empty; want host, host:port or *.domain`},
		"mistakes in flags, all reported": {"", []string{"a/b", "c.example", "d:0"}, "private registry \"a/b\": has a path or a query; want host, host:port or *.domain\nprivate registry \"d:0\": port is not a number from 1 to 65535"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := policy.Load(c.path, c.flags)
			if err == nil || p != nil {
				t.Fatalf("policy %v, error %v; want no policy and an error", p, err)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if _, err := policy.Open(c.path, c.flags); err == nil || err.Error() != c.want {
				t.Errorf("Open says %v", err)
			}
		})
	}
}

func TestLoadTakesAFileOf1MiB(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), head+strings.Repeat("\n", 1<<20-len(head)))
	if _, err := policy.Load(path, nil); err != nil {
		t.Error(err)
	}
}

// write puts a policy file into a directory and returns its path.
func write(tb testing.TB, dir, content string) string {
	tb.Helper()
	path := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
