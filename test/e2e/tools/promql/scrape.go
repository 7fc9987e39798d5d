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
	if len(from.Times) == 0 {
		return errors.New("no times")
	}
	target := labels.FromMap(from.Labels)
	up, now := 1.0, map[*storedSeries]float64{}
	if from.Down {
		up = 0
	} else if err := s.parse(from.Text, target, now); err != nil {
		return err
	}
	for gone := range s.last[target.String()] {
		if _, there := now[gone]; !there {
			gone.append(from.Times[:1], math.Float64frombits(value.StaleNaN))
		}
	}
	s.last[target.String()] = now
	for series, v := range now {
		series.append(from.Times, v)
	}
	s.get(labels.NewBuilder(target).Set(labels.MetricName, "up").Labels()).append(from.Times, up)
	return nil
}

// parse finds the series of a scrape and their values.
func (s *store) parse(text string, target labels.Labels, into map[*storedSeries]float64) error {
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
		series := s.get(withTarget(scraped, target))
		if _, twice := into[series]; twice {
			return fmt.Errorf("%s is there twice", series.labels)
		}
		_, _, into[series] = parser.Series()
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
