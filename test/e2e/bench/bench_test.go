package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		values  []int
		percent float64
		want    int
	}{
		{nil, 50, 0},
		{[]int{7}, 99, 7},
		{[]int{4, 1, 3, 2}, 50, 2},
		{[]int{4, 1, 3, 2, 5}, 50, 3},
		{[]int{4, 1, 3, 2}, 100, 4},
		{[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 95, 10},
	} {
		if got := percentile(test.values, test.percent); got != test.want {
			t.Errorf("percentile %v of %v is %d, want %d", test.percent, test.values, got, test.want)
		}
	}
}

// A slow moment hits a round and its base alike, and a single odd round does not count.
func TestRatioIsTheMedianOverRounds(t *testing.T) {
	t.Parallel()
	of := func(latencies ...time.Duration) series {
		var s series
		for _, l := range latencies {
			s.slices = append(s.slices, slice{latencies: []time.Duration{l}, took: time.Second})
		}
		return s
	}
	if got := ratio(of(20, 60, 900), of(10, 30, 10)); got != 2 {
		t.Errorf("ratio %v, want 2", got)
	}
}

func TestCPUPerThousand(t *testing.T) {
	t.Parallel()
	s := series{slices: []slice{
		{latencies: make([]time.Duration, 400), webhook: 200 * time.Millisecond, server: time.Second, took: time.Second},
		{latencies: make([]time.Duration, 100), webhook: 50 * time.Millisecond, server: time.Second, took: time.Second},
	}}
	webhook, server := s.cpuPerThousand()
	if diff := cmp.Diff([]float64{0.5, 4, 250}, []float64{webhook, server, s.perSecond()}); diff != "" {
		t.Errorf("webhook, API server, calls per second (-want +got):\n%s", diff)
	}
}

func TestWriteBetweenMarkers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.md")
	for _, old := range []string{"", "old\n"} {
		if err := os.WriteFile(file, []byte("# Page\n"+begin+old+end+"after\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := writeBetweenMarkers(file, "new"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("# Page\n"+begin+"\nnew\n"+end+"after\n", string(got)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if err := os.WriteFile(file, []byte("# Page\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeBetweenMarkers(file, "new"); err == nil {
		t.Error("no error for a page without markers")
	}
}

// The page itself has to be one that can be written to.
func TestPageHasMarkers(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, page, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeBetweenMarkers(file, "new"); err != nil {
		t.Error(err)
	}
}
