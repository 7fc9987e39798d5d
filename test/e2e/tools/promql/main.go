// Command promql answers Prometheus queries about scrapes that it is given: Prometheus' own parser and engine, with
// nothing behind them but a list of samples. It lets a test say what a dashboard would show, and when an alert would
// fire, of metrics that real programs served, without waiting for the minutes to pass that an alert looks back on: the
// caller says at what time each scrape was made.
//
// It reads one JSON object from standard input (see input) and writes one to standard output (see output). It ends with
// status 1 if it can't read the input or a scrape; a query that fails is part of the answer.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// input is what the program is asked. Times are in seconds since 1970.
type input struct {
	Scrapes []scrape `json:"scrapes"` // of each target by time
	Queries []query  `json:"queries"`
}

// output has an answer for each query, in their order.
type output struct {
	Answers []answer `json:"answers"`
}

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "promql:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	var in input
	decoder := json.NewDecoder(stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return fmt.Errorf("read the input: %w", err)
	}
	samples := newStore()
	for i, s := range in.Scrapes {
		if err := samples.add(s); err != nil {
			return fmt.Errorf("scrape %d: %w", i, err)
		}
	}
	out := output{Answers: make([]answer, 0, len(in.Queries))}
	for _, q := range in.Queries {
		out.Answers = append(out.Answers, samples.answer(ctx, q))
	}
	return json.NewEncoder(stdout).Encode(out)
}
