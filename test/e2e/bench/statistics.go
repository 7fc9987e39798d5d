package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// percentile returns the smallest value that so many percent of the values do not exceed; 0 without values.
func percentile[T cmp.Ordered](values []T, percent float64) T {
	if len(values) == 0 {
		var zero T
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[max(rank-1, 0)]
}

// latencies are those of all slices.
func (s series) latencies() []time.Duration {
	var all []time.Duration
	for _, one := range s.slices {
		all = append(all, one.latencies...)
	}
	return all
}

// perSecond is how many calls were answered in a second, over all slices.
func (s series) perSecond() float64 {
	var took time.Duration
	for _, one := range s.slices {
		took += one.took
	}
	return float64(len(s.latencies())) / took.Seconds()
}

// cpuPerThousand is the CPU time of webhook and API server for 1,000 calls, in seconds.
func (s series) cpuPerThousand() (webhook, server float64) {
	for _, one := range s.slices {
		webhook += one.webhook.Seconds()
		server += one.server.Seconds()
	}
	calls := float64(len(s.latencies())) / 1000
	return webhook / calls, server / calls
}

// ratio is the median, over the rounds, of the quotient of both series' p50: a round's slices lie next to each other in time.
func ratio(s, base series) float64 {
	var ratios []float64
	for i := range s.slices {
		ratios = append(ratios, float64(percentile(s.slices[i].latencies, 50))/float64(percentile(base.slices[i].latencies, 50)))
	}
	return percentile(ratios, 50)
}
