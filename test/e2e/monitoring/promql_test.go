package monitoring_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// These are what test/e2e/tools/promql reads and writes.
type (
	scrape struct {
		Times  []float64         `json:"times"`
		Labels map[string]string `json:"labels"`
		Text   string            `json:"text,omitempty"`
		Down   bool              `json:"down,omitempty"`
	}
	query struct {
		Expr      string            `json:"expr"`
		Start     float64           `json:"start"`
		End       float64           `json:"end"`
		Step      float64           `json:"step"`
		Templates map[string]string `json:"templates,omitempty"`
	}
	answer struct {
		Error  string   `json:"error"`
		Series []series `json:"series"`
	}
	series struct {
		Labels    map[string]string `json:"labels"`
		Points    []point           `json:"points"`
		Templates map[string]string `json:"templates"`
	}
	point struct {
		Time  float64 `json:"time"`
		Value string  `json:"value"`
	}
)

// ask has Prometheus' engine answer queries about all that was scraped so far. A query that it can't parse or evaluate
// fails the test.
func (r *run) ask(t *testing.T, queries []query) []answer {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal(map[string]any{"scrapes": r.scrapes, "queries": queries})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".cache", "bin", "promql"))
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v (run \"make assets-e2e\"?)\n%s", err, stderr.String())
	}
	var out struct{ Answers []answer }
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	if len(out.Answers) != len(queries) {
		t.Fatalf("%d answers to %d queries", len(out.Answers), len(queries))
	}
	for i, a := range out.Answers {
		if a.Error != "" {
			t.Fatalf("%s\n%s", a.Error, queries[i].Expr)
		}
	}
	return out.Answers
}
