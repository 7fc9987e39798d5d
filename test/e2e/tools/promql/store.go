package main

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// store holds samples in memory and is what the engine queries. A database would do more, and would bring the
// configuration of all of Prometheus along, with the libraries of every cloud.
type store struct {
	series map[string]*storedSeries
	last   map[string]map[*storedSeries]float64 // what each target had at its latest scrape
}

type storedSeries struct {
	labels  labels.Labels
	samples []chunks.Sample
}

func newStore() *store {
	return &store{series: map[string]*storedSeries{}, last: map[string]map[*storedSeries]float64{}}
}

// get returns the series with these labels, which is new if it was not there.
func (s *store) get(of labels.Labels) *storedSeries {
	key := of.String()
	if s.series[key] == nil {
		s.series[key] = &storedSeries{labels: of}
	}
	return s.series[key]
}

// append adds one value at several times.
func (s *storedSeries) append(times []float64, v float64) {
	for _, at := range times {
		s.samples = append(s.samples, sample{milliseconds(at), v})
	}
}

// Querier is part of storage.Queryable. The engine itself picks samples by their time.
func (s *store) Querier(_, _ int64) (storage.Querier, error) {
	return querier{store: s}, nil
}

type querier struct {
	storage.LabelQuerier // the engine asks for no names
	store                *store
}

// Close is part of storage.Querier.
func (q querier) Close() error { return nil }

// Select is part of storage.Querier.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
	for _, stored := range q.store.series {
		if matches(stored.labels, matchers) {
			set.all = append(set.all, storage.NewListSeries(stored.labels, stored.samples))
		}
	}
	slices.SortFunc(set.all, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return set
}

func matches(series labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(series.Get(m.Name)) {
			return false
		}
	}
	return true
}

type seriesSet struct {
	all []storage.Series
	at  int
}

func (s *seriesSet) Next() bool                      { s.at++; return s.at < len(s.all) }
func (s *seriesSet) At() storage.Series              { return s.all[s.at] }
func (*seriesSet) Err() error                        { return nil }
func (*seriesSet) Warnings() annotations.Annotations { return nil }

// sample is a float at a time in milliseconds.
type sample struct {
	at int64
	v  float64
}

func (s sample) T() int64                    { return s.at }
func (sample) ST() int64                     { return 0 } // when a counter began is not known
func (s sample) F() float64                  { return s.v }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }
