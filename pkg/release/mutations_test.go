package release

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutations break the model of docs/adr/0004 in one place each.
var mutations = map[string]struct{ file, text, instead string }{
	"a part that was not read sets nothing":          {"layers.go", "certainty.Open{Reasons: reasons}\n\tif", "map[string]any{}\n\tif"},
	"a part that is optional and not read is empty":  {"layers.go", "case unread != \"\":", "case unread != \"\" && !ref.Optional:"},
	"what may come along on creation is not there":   {"references.go", "missing && l.ref.Optional && !r.create:", "missing && l.ref.Optional:"},
	"what was read is merged without the rest":       {"values.go", "if len(r.unknown) == 0 {", "if len(r.unknown) >= 0 {"},
	"the last layer lies at the bottom":              {"values.go", "values = certainty.Lay(values, l.tree)", "values = certainty.Lay(l.tree, values)"},
	"null leaves what is below":                      {model, "if reasons == nil {\n\t\t\treturn above", "if above == nil {\n\t\t\treturn below\n\t\t}\n\t\tif reasons == nil {\n\t\t\treturn above"},
	"something unknown leaves what is below":         {model, "return Unknown{Union(reasons, unknown)}", "return below"},
	"an open map leaves what is below":               {model, "if reasons == nil {\n\t\tmaps.Copy(out, known)\n\t}", "maps.Copy(out, known)"},
	"a map closes what is below":                     {model, "reasons != nil {\n\t\treturn Open", "reasons != nil && false {\n\t\treturn Open"},
	"a key that may be there is absent":              {model, "set || unknown == nil {", "set || unknown == nil || true {"},
	"a targetPath names nothing":                     {"values.go", "for _, l := range targets {", "for _, l := range targets[:0] {"},
	"a targetPath that was read names nothing":       {"values.go", "reasons = open\n", "continue\n"},
	"a targetPath at spegel names nothing":           {"values.go", "!isMap || !both {", "!isMap && false || !both {"},
	"a targetPath makes a map of what is none":       {"values.go", "!isMap || !both {", "!isMap || !both && false {"},
	"what a comma sets is not named":                 {"layers.go", "l.at(l.ref.TargetPath, l.text)", "l.at(l.ref.TargetPath, \"x\")"},
	"a scalar with a variable is known":              {"layers.go", "return certainty.Unknown{Reasons: reasons}", "return node"},
	"an entry with a variable is known":              {"layers.go", "node[i] = r.mark(entry)", "node[i] = entry"},
	"a key with a variable opens nothing":            {"layers.go", "return certainty.Open{Known: node, Reasons: reasons}", "return node"},
	"the chart brings nothing":                       {"values.go", "if files == nil && (", "if false && ("},
	"what the chart brings wins":                     {"values.go", "certainty.Lay(below, r.input.Values)", "certainty.Lay(r.input.Values, below)"},
	"the inline values are known if nothing is read": {"references.go", "obj.err = &Unreadable{Reason: \"a kind that", "_ = &Unreadable{Reason: \"a kind that"},
}

const model = "../certainty/certainty.go"

// Each mutation makes the proof fail, so each part of the model is needed. The packages are built once for each.
func TestEachPartOfTheModelIsNeeded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the package again and again")
	}
	for name, m := range mutations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.text); n != 1 {
				t.Fatalf("%s has %q %d times", m.file, m.text, n)
			}
			mutant := filepath.Join(t.TempDir(), filepath.Base(m.file))
			if err := os.WriteFile(mutant, []byte(strings.Replace(string(source), m.text, m.instead, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			path, err := filepath.Abs(m.file)
			if err != nil {
				t.Fatal(err)
			}
			overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutant}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(mutant+".json", overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			run := exec.CommandContext(t.Context(), "go", "test", "-trimpath", "-vet=off", "-short", "-overlay", mutant+".json", "-run", "^TestWhatIsCertainHoldsInEveryWorld$", ".")
			out, err := run.CombinedOutput()
			if err == nil {
				t.Error("the proof holds all the same")
			} else if !strings.Contains(string(out), "seed ") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
