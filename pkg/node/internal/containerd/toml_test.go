package containerd

import (
	"strings"
	"testing"

	tomlu "github.com/pelletier/go-toml/v2/unstable"
)

func TestCheckNesting(t *testing.T) {
	t.Parallel()
	for text, wrong := range map[string]string{
		"":                                         "",
		"a = [[]]\n[[b.c.d]]\ne = {f = {}}":        "",
		"a = [\n[\n[":                              "line 3: nested more than 2 levels deep",
		"a = {b = [{":                              "line 1: nested more than 2 levels deep",
		"a.b.c.d = 1":                              "line 1: nested more than 2 levels deep",
		"a = '[[['\nb = \"[[[\"":                   "",
		`a = "\"[[["`:                              "",
		`a = '\'` + "\nb = [[[":                    "line 2: nested more than 2 levels deep",
		"a = '''[\n'[''['''\nb = [[[":              "line 3: nested more than 2 levels deep",
		`a = """[\"""[["""""` + "\nb = [[[":        "line 2: nested more than 2 levels deep",
		`a = ""` + "\nb = [[[":                     "line 2: nested more than 2 levels deep",
		"# [[[ it's\na = 1 # \"\"\" [[[":           "",
		"# \"\"\"\na = [[[":                        "line 2: nested more than 2 levels deep",
		"a = '[[[":                                 "",
		`"x.y.z.q" = 1.5` + "\nc = 'x.y.z.q'":      "",
		strings.Repeat("a = [1.5, 2.5, 3.5]\n", 9): "",
	} {
		err := checkNesting([]byte(text), 2)
		if err != nil && err.Error() != wrong || err == nil && wrong != "" {
			t.Errorf("%q: got %v, want %q", text, err, wrong)
		}
	}
}

// FuzzCheckNesting wants a parser to find nothing deeper than what was let through.
func FuzzCheckNesting(f *testing.F) {
	for _, seed := range []string{"a.b = [[1], {c = 2}]", "a = '''x''''' # [", `a = """\"""[[[["""`, "a = ''\n[[b.c]]", `"\"" = '\'`, `a."b.[c" = '[['`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 2
		if checkNesting(data, most) != nil {
			return
		}
		var deepest func(n *tomlu.Node) int
		deepest = func(n *tomlu.Node) int {
			depth, below := 0, 0
			for it := n.Children(); it.Next(); {
				below = max(below, deepest(it.Node()))
			}
			switch n.Kind {
			case tomlu.Array, tomlu.InlineTable:
				depth = 1
			case tomlu.KeyValue:
				parts := 0
				for it := n.Key(); it.Next(); {
					parts++
				}
				if parts > most+1 {
					t.Errorf("a key of %d parts in %q", parts, data)
				}
			default: // a value without an inside
			}
			return depth + below
		}
		p := tomlu.Parser{}
		p.Reset(data)
		for p.NextExpression() {
			if n := deepest(p.Expression()); n > most {
				t.Errorf("%d levels in %q", n, data)
			}
		}
	})
}
