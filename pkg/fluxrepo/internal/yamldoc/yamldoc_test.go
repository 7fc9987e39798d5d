package yamldoc_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	var bomb strings.Builder
	bomb.WriteString("a: &a [x]\n")
	for c := 'b'; c < 'j'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8), c-1)
	}
	for name, c := range map[string]struct {
		text      string
		documents int
		want      string // line:column: reason
		bomb      bool
	}{
		"several documents, empty ones left out":  {"a: 1\n---\n# nothing\n---\nb: 2\n", 2, "", false},
		"an anchor may be used again":             {"a: &x 1\nb: &x 2\nc: *x\n", 1, "", false},
		"a key twice, as Flux has it":             {"a: 1\nb:\n  c: 1\n  c: 2\n", 0, `4:3: has the key "c" twice`, true},
		"merge keys are no key twice":             {"a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", 1, "", false},
		"the documents before a mistake count":    {"a: 1\n---\nb: [\n", 1, "3:1: is not YAML: did not find expected node content", false},
		"aliases that grow without bound":         {bomb.String(), 0, "7:4: is too large when its aliases are expanded", true},
		"a long text that aliases repeat":         {"a: &a " + strings.Repeat("x", 1<<15) + "\nb: [" + strings.Repeat("*a, ", 1<<11) + "]\n", 0, "2:4: is too large when its aliases are expanded", true},
		"a long text":                             {"a: " + strings.Repeat("x", 15<<20), 1, "", false},
		"an alias inside of itself":               {"a: &a [*a]\n", 0, "1:8: is not YAML: an alias contains itself", true},
		"nesting without bound":                   {"a: " + strings.Repeat("[", 600) + strings.Repeat("]", 600), 0, "1:504: is nested too deeply", true},
		"more than fits into memory":              {"a: [" + strings.Repeat("1,", 5<<20) + "]", 0, "0:0: is too large to be decoded", true},
		"what is quoted of a manifest is secret":  {"a: *hunter2\n", 0, "1:4: is not YAML: unknown anchor...", false},
		"nothing before a document ends":          {"{a: 1}}\n", 1, "1:1: is not YAML: did not find expected <document start>", false},
		"a control character":                     {"a: 1\n---\nü: \"x\x01\"\n", 0, "3:6: is not YAML: control characters are not allowed", false},
		"a byte that is no UTF-8":                 {"a: 1\nb: \xff\n", 0, "2:4: is not YAML: invalid leading UTF-8 octet", false},
		"Windows line ends and a byte-order mark": {"\ufeffa: 1\r\nb: 2\r\n", 1, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs, err := yamldoc.Decode([]byte(c.text))
			got := ""
			if bad, ok := errors.AsType[*yamldoc.Error](err); ok {
				got = fmt.Sprintf("%d:%d: %s", bad.Line, bad.Column, bad.Reason)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || len(docs) != c.documents || yamldoc.IsBomb(err) != c.bomb {
				t.Errorf("%d documents, bomb %t; -want +got:\n%s", len(docs), yamldoc.IsBomb(err), diff)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	const msg = `merging from generator &{0xc0 {map[a:hunter2]}}: id resid.ResId{Gvk:resid.Gvk{Group:"", Version:"v1", Kind:"ConfigMap"}, Name:"values", Namespace:""} does not exist`
	if got, want := yamldoc.Redact(msg), "merging from generator &...: id ConfigMap values does not exist"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	docs, err := yamldoc.Decode([]byte("base: &b {list: [x, y]}\nspegel:\n  <<: *b\n"))
	if err != nil {
		t.Fatal(err)
	}
	key, value := yamldoc.Reach(docs[0], []any{"spegel", "list", 1})
	if value == nil || value.Value != "y" || key.Line != 1 || key.Column != 21 {
		t.Errorf("got %+v; want y at 1:21, behind the merge key", value)
	}
	if key, _ := yamldoc.Reach(docs[0], []any{"spegel", "list", 2}); key != nil {
		t.Errorf("got %+v; want nothing past the end of the list", key)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("a: &a [x, *a]\n---\n<<: {b: c}\n")
	f.Fuzz(func(t *testing.T, text string) {
		docs, err := yamldoc.Decode([]byte(text))
		for _, d := range yamldoc.Objects(docs) {
			_ = yamldoc.Text(d, "metadata", "name")
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("an error of several lines: %q", err)
		}
	})
}
