// Command prometheus-alerts says which alerting rules fire on given series, by Prometheus' own engine and templates.
//
// Standard input is a JSON object: the time in Unix seconds, series with samples whose times are seconds before or after it, and rules
// as a PrometheusRule has them. Standard output is a list of the alerts that are active, as if `for` had passed. Any error of a rule,
// of its expression or of a template, ends the program with status 1 and the rule's name on standard error.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

type question struct {
	Now    int64    `json:"now"`
	Series []series `json:"series"`
	Rules  []rule   `json:"rules"`
}

type series struct {
	Labels map[string]string `json:"labels"`
	// Seconds from now, and the value.
	Samples [][2]float64 `json:"samples"`
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	Annotations map[string]string `json:"annotations"`
}

type alert struct {
	Alert       string            `json:"alert"`
	Labels      map[string]string `json:"labels"`
	Value       float64           `json:"value"`
	Annotations map[string]string `json:"annotations"`
}

func main() {
	var asked question
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		fail("standard input", err)
	}
	active := []alert{}
	for _, rule := range asked.Rules {
		found, err := asked.evaluate(rule)
		if err != nil {
			fail(rule.Alert, err)
		}
		active = append(active, found...)
	}
	if err := json.NewEncoder(os.Stdout).Encode(active); err != nil {
		fail("standard output", err)
	}
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "prometheus-alerts: %s: %v\n", what, err)
	os.Exit(1)
}

// evaluate does what Prometheus does at one evaluation of a rule.
func (q question) evaluate(r rule) ([]alert, error) {
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute})
	query, err := engine.NewInstantQuery(context.Background(), q, nil, r.Expr, time.Unix(q.Now, 0))
	if err != nil {
		return nil, err
	}
	defer query.Close()
	vector, err := query.Exec(context.Background()).Vector()
	if err != nil {
		return nil, err
	}
	var active []alert
	for _, sample := range vector {
		of := labels.NewBuilder(sample.Metric).Del(labels.MetricName).Labels().Map()
		said := maps.Clone(r.Annotations)
		for name, text := range said {
			data := template.AlertTemplateData(of, nil, "", sample)
			// The variables that Prometheus declares before each template (rules/alerting.go, Eval).
			text = "{{$labels := .Labels}}{{$value := .Value}}" + text
			expander := template.NewTemplateExpander(
				context.Background(), text, r.Alert, data, 0, noQueries, &url.URL{}, []string{"missingkey=error"},
			)
			if said[name], err = expander.Expand(); err != nil {
				return nil, fmt.Errorf("annotation %s: %w", name, err)
			}
		}
		active = append(active, alert{r.Alert, of, sample.F, said})
	}
	return active, nil
}

func noQueries(context.Context, string, time.Time) (promql.Vector, error) {
	return nil, errors.New("templates may not query here")
}

// Querier lets the engine read the question's series.
func (q question) Querier(_, _ int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: q.selected}, nil
}

func (q question) selected(_ bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, one := range q.Series {
		of := labels.FromMap(one.Labels)
		if slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(of.Get(m.Name)) }) {
			continue
		}
		var samples []chunks.Sample
		for _, given := range one.Samples {
			at := q.Now*1000 + int64(math.Round(given[0]*1000))
			if hints == nil || hints.Start <= at && at <= hints.End {
				samples = append(samples, sample{at, given[1]})
			}
		}
		found = append(found, storage.NewListSeries(of, samples))
	}
	slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &set{series: found}
}

// sample is one float at a time in milliseconds.
type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// set is a list of series, read one after another.
type set struct {
	series []storage.Series
	next   int
}

func (s *set) Next() bool {
	s.next++
	return s.next <= len(s.series)
}

func (s *set) At() storage.Series                { return s.series[s.next-1] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }
