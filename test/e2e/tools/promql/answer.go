package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// query is evaluated at each step from start to end.
type query struct {
	Expr  string  `json:"expr"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	Step  float64 `json:"step"`
	// Templates are those of an alert's annotations and labels. Each series has them filled in.
	Templates map[string]string `json:"templates,omitempty"`
}

// answer is the error of a query, or its series.
type answer struct {
	Error  string   `json:"error,omitempty"`
	Series []series `json:"series"`
}

type series struct {
	Labels    map[string]string `json:"labels"`
	Points    []point           `json:"points"`
	Templates map[string]string `json:"templates,omitempty"` // filled in with the last point
}

type point struct {
	Time  float64 `json:"time"`
	Value string  `json:"value"` // as Prometheus prints it: JSON knows no NaN
}

// answer evaluates a query as Prometheus would with its defaults.
func (s *store) answer(ctx context.Context, q query) answer {
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true,
	})
	prepared, err := engine.NewRangeQuery(ctx, s, nil, q.Expr, timestamp.Time(milliseconds(q.Start)),
		timestamp.Time(milliseconds(q.End)), time.Duration(milliseconds(q.Step))*time.Millisecond)
	if err != nil {
		return answer{Error: err.Error()}
	}
	defer prepared.Close()
	matrix, err := prepared.Exec(ctx).Matrix()
	if err != nil {
		return answer{Error: err.Error()}
	}
	a := answer{Series: make([]series, 0, len(matrix))}
	for _, found := range matrix {
		one := series{Labels: found.Metric.Map()}
		for _, f := range found.Floats {
			one.Points = append(one.Points, point{Time: float64(f.T) / 1000, Value: strconv.FormatFloat(f.F, 'g', -1, 64)})
		}
		if one.Templates, err = fill(ctx, q.Templates, found); err != nil {
			return answer{Error: err.Error()}
		}
		a.Series = append(a.Series, one)
	}
	return a
}

// fill expands the templates of an alert for one series, as a rule that fires would.
func fill(ctx context.Context, templates map[string]string, found promql.Series) (map[string]string, error) {
	if len(templates) == 0 {
		return nil, nil
	}
	last := found.Floats[len(found.Floats)-1]
	data := template.AlertTemplateData(found.Metric.Map(), nil, "", promql.Sample{T: last.T, F: last.F, Metric: found.Metric})
	filled := map[string]string{}
	for name, text := range templates {
		const declarations = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
		expander := template.NewTemplateExpander(ctx, declarations+text, name, data, model.Time(last.T), nil, &url.URL{}, nil)
		out, err := expander.Expand()
		if err != nil {
			return nil, fmt.Errorf("template %s: %w", name, err)
		}
		filled[name] = out
	}
	return filled, nil
}
