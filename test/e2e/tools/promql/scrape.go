package main

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
)

// scrape is what a target answered.
type scrape struct {
	Times  []float64         `json:"times"`          // more than one: it answered the same each time
	Labels map[string]string `json:"labels"`         // the target's: job, instance and so on
	Text   string            `json:"text,omitempty"` // what it answered, in Prometheus' text format
	Down   bool              `json:"down,omitempty"` // it did not answer
}

// add keeps the samples of a scrape, and those that Prometheus makes up: "up", and a marker for each series that the
// target had at the time before and has no more.
func (s *store) add(from scrape) error {
	target := labels.FromMap(from.Labels)
	for _, seconds := range from.Times {
		if err := s.addAt(from, target, milliseconds(seconds)); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) addAt(from scrape, target labels.Labels, at int64) error {
	seen := map[string]labels.Labels{}
	if !from.Down {
		if err := s.parse(from.Text, target, at, seen); err != nil {
			return err
		}
	}
	for key, series := range s.last[target.String()] {
		if _, ok := seen[key]; !ok {
			s.append(series, at, math.Float64frombits(value.StaleNaN))
		}
	}
	s.last[target.String()] = seen
	up := 1.0
	if from.Down {
		up = 0
	}
	s.append(labels.NewBuilder(target).Set(labels.MetricName, "up").Labels(), at, up)
	return nil
}

func (s *store) parse(text string, target labels.Labels, at int64, seen map[string]labels.Labels) error {
	parser := textparse.NewPromParser([]byte(text), labels.NewSymbolTable(), false)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var scraped labels.Labels
		parser.Labels(&scraped)
		_, _, v := parser.Series()
		series := withTarget(scraped, target)
		if _, twice := seen[series.String()]; twice {
			return fmt.Errorf("%s is there twice", series)
		}
		seen[series.String()] = series
		s.append(series, at, v)
	}
}

// withTarget adds the target's labels. They win: a label of the same name is kept with exported_ before it, which is
// what Prometheus does unless it is told otherwise.
func withTarget(scraped, target labels.Labels) labels.Labels {
	b := labels.NewBuilder(scraped)
	target.Range(func(l labels.Label) {
		if own := scraped.Get(l.Name); own != "" {
			b.Set("exported_"+l.Name, own)
		}
		b.Set(l.Name, l.Value)
	})
	return b.Labels()
}

func milliseconds(seconds float64) int64 {
	return int64(math.Round(seconds * 1000))
}
