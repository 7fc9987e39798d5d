package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// variant is one way that an object can go through the API server.
type variant struct {
	name      string
	namespace string
	object    string
	webhook   func(*bed) *cluster.Webhook // who is called; nil for nobody
}

// group is what is compared with each other; the first variant is the base.
type group struct {
	title    string
	where    string // helmReleases, configMaps or daemonSets
	variants []variant
}

func groups() []group {
	calls := func(w func(*bed) *cluster.Webhook, v variant) variant { v.webhook = w; return v }
	ofGuard, ofAllow := func(b *bed) *cluster.Webhook { return b.guard }, func(b *bed) *cluster.Webhook { return b.allow }
	return []group{
		{"Spegel's HelmRelease", helmReleases, []variant{
			{name: nothingName, namespace: nothing, object: spegel},
			{name: "CEL policies", namespace: cel, object: spegel},
			calls(ofAllow, variant{name: allowName, namespace: allow, object: spegel}),
			calls(ofGuard, variant{name: guardName, namespace: guard, object: spegel}),
			calls(ofGuard, variant{name: "spegel-guard, ConfigMap and source", namespace: references, object: spegelByReference}),
		}},
		{"Another chart's HelmRelease", helmReleases, []variant{
			{name: nothingName, namespace: nothing, object: podinfo},
			{name: neverName, namespace: never, object: podinfo},
			{name: "CEL policies", namespace: cel, object: podinfo},
			{name: allowName, namespace: allow, object: podinfo},
			{name: guardName, namespace: guard, object: podinfo},
		}},
		{"Spegel's DaemonSet", daemonSets, []variant{
			{name: nothingName, namespace: nothing, object: spegelDaemonSet},
			{name: "CEL policies", namespace: cel, object: spegelDaemonSet},
			calls(ofAllow, variant{name: allowName, namespace: allow, object: spegelDaemonSet}),
			calls(ofGuard, variant{name: "spegel-guard", namespace: guard, object: spegelDaemonSet}),
		}},
		{"Another program's DaemonSet", daemonSets, []variant{
			{name: nothingName, namespace: nothing, object: otherDaemonSet},
			{name: "CEL policies", namespace: cel, object: otherDaemonSet},
			{name: allowName, namespace: allow, object: otherDaemonSet},
			{name: "spegel-guard", namespace: guard, object: otherDaemonSet},
		}},
		{"A ConfigMap with Spegel's values", configMaps, []variant{
			{name: nothingName, namespace: nothing, object: spegelConfigMap},
			calls(ofAllow, variant{name: allowName, namespace: allow, object: spegelConfigMap}),
			calls(ofGuard, variant{name: "spegel-guard, no release in the namespace", namespace: guard, object: spegelConfigMap}),
			calls(ofGuard, variant{name: "spegel-guard, one of ten releases names it", namespace: values, object: spegelConfigMap}),
		}},
		{"Another ConfigMap", configMaps, []variant{
			{name: nothingName, namespace: nothing, object: otherConfigMap},
			{name: allowName, namespace: allow, object: otherConfigMap},
			{name: "spegel-guard", namespace: values, object: otherConfigMap},
		}},
	}
}

const (
	nothingName = "nothing"
	neverName   = "webhook with the match condition \"false\""
	allowName   = "webhook that allows everything"
	guardName   = "spegel-guard, inline values"
)

// clientCounts are how many clients create at the same time.
func clientCounts() []int { return []int{1, 8, 32} }

// slice is one variant at work for a moment.
type slice struct {
	latencies []time.Duration
	took      time.Duration
	webhook   time.Duration // CPU
	server    time.Duration // CPU
}

// series are the slices of one variant at one number of clients, one for each round.
type series struct {
	variant string
	clients int
	slices  []slice
}

// result is all that was measured.
type result struct {
	groups       []group
	series       map[string][]series // by the group's title
	starts       []time.Duration
	guard, allow cluster.Usage
	machine      string
}

func (b *bed) measure(ctx context.Context, o options, progress io.Writer) (result, error) {
	r := result{groups: groups(), series: map[string][]series{}, machine: fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())}
	for _, clients := range clientCounts() {
		for _, g := range r.groups {
			fmt.Fprintf(progress, "%s, %d clients: %d rounds of %d slices\n", g.title, clients, o.rounds, len(g.variants))
			s, err := b.rounds(ctx, g, clients, o)
			if err != nil {
				return r, err
			}
			r.series[g.title] = append(r.series[g.title], s...)
		}
	}
	var err error
	if r.guard, err = b.guard.Usage(); err != nil {
		return r, err
	}
	if r.allow, err = b.allow.Usage(); err != nil {
		return r, err
	}
	for range o.starts {
		if err := b.guard.Stop(); err != nil {
			return r, err
		}
		start := time.Now()
		if err := b.guard.Start(ctx); err != nil {
			return r, err
		}
		r.starts = append(r.starts, time.Since(start))
	}
	return r, nil
}

// rounds has the variants take turns. The first round warms up connections and caches and does not count.
func (b *bed) rounds(ctx context.Context, g group, clients int, o options) ([]series, error) {
	all := make([]series, len(g.variants))
	for i, v := range g.variants {
		all[i] = series{variant: v.name, clients: clients}
	}
	for round := range o.rounds + 1 {
		for n := range g.variants {
			i := (n + round) % len(g.variants) // nobody is always the one after the most expensive
			s, err := b.run(ctx, g.where, g.variants[i], clients, o.slice)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				all[i].slices = append(all[i].slices, s)
			}
		}
	}
	return all, nil
}

// run has so many clients create objects, each one after the other, until the time is up.
func (b *bed) run(ctx context.Context, where string, v variant, clients int, length time.Duration) (slice, error) {
	before, err := b.cpu(v)
	if err != nil {
		return slice{}, err
	}
	var wg sync.WaitGroup
	latencies, errs := make([][]time.Duration, clients), make([]error, clients)
	start := time.Now()
	for i := range clients {
		wg.Go(func() {
			for time.Since(start) < length && errs[i] == nil {
				begin := time.Now()
				code, err := b.client.create(ctx, where, v.namespace, []byte(v.object))
				latencies[i] = append(latencies[i], time.Since(begin))
				if err == nil && code == 403 {
					err = fmt.Errorf("%s: a good object was refused", v.name)
				}
				errs[i] = err
			}
		})
	}
	wg.Wait()
	s := slice{took: time.Since(start)}
	for _, l := range latencies {
		s.latencies = append(s.latencies, l...)
	}
	after, err := b.cpu(v)
	s.webhook, s.server = after.webhook-before.webhook, after.server-before.server
	return s, errors.Join(errors.Join(errs...), err)
}

// cpu is what webhook and API server have used so far.
func (b *bed) cpu(v variant) (slice, error) {
	var s slice
	server, err := b.cluster.APIServerUsage()
	if err != nil {
		return s, err
	}
	s.server = server.CPU
	if v.webhook != nil {
		usage, err := v.webhook(b).Usage()
		if err != nil {
			return s, err
		}
		s.webhook = usage.CPU
	}
	return s, nil
}
