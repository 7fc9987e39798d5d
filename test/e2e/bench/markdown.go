package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

const (
	begin = "<!-- begin: written by make bench-admission -->\n"
	end   = "<!-- end: written by make bench-admission -->\n"
)

// markdown is the part of docs/performance.md that the run writes.
func (r result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Machine: %s.\n", r.machine)
	for _, g := range r.groups {
		fmt.Fprintf(&b, "\n### %s\n\n", g.title)
		b.WriteString("| clients | variant | p50 ms | p95 ms | p99 ms | calls/s | p50 to nothing | p50 to allow-everything | webhook CPU s | API server CPU s |\n")
		b.WriteString("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		for _, s := range r.series[g.title] {
			webhook, server := s.cpuPerThousand()
			all := s.latencies()
			fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %.0f | %.2f | %.2f | %s | %.2f |\n", s.clients, s.variant,
				ms(percentile(all, 50)), ms(percentile(all, 95)), ms(percentile(all, 99)), s.perSecond(),
				ratio(s, r.find(g, nothingName, s.clients)), ratio(s, r.find(g, allowName, s.clients)), orDash(webhook), server)
		}
	}
	b.WriteString("\n### Aims\n\n| aim | measured | holds |\n|---|--:|---|\n")
	for _, a := range r.aims() {
		holds := "**no**"
		if a.holds {
			holds = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", a.text, a.measured, holds)
	}
	return b.String()
}

// aim is what was set out to be reached.
type aim struct {
	text, measured string
	holds          bool
}

func (r result) aims() []aim {
	var all []aim
	g, other := r.groups[0], r.groups[1]
	var guardCPU, allowCPU float64
	for _, clients := range clientCounts() {
		s, base := r.find(g, guardName, clients), r.find(g, allowName, clients)
		p50 := ratio(s, base)
		all = append(all, aim{"p50 at most 1.05 times that of the webhook that allows everything, " + plural(clients), fmt.Sprintf("%.3f", p50), p50 <= 1.05})
		mine, _ := s.cpuPerThousand()
		its, _ := base.cpuPerThousand()
		guardCPU, allowCPU = guardCPU+mine, allowCPU+its
	}
	cpu := guardCPU / allowCPU
	start := percentile(r.starts, 100)
	all = append(all,
		aim{"CPU per review at most 1.2 times that of the webhook that allows everything", fmt.Sprintf("%.2f", cpu), cpu <= 1.2},
		aim{"peak memory of the webhook below 40 MiB", resident(r.guard) + " (allow-everything: " + resident(r.allow) + ")", mib(r.guard.PeakMemory) < 40},
		aim{fmt.Sprintf("from start to ready below a second, the longest of %d", len(r.starts)), fmt.Sprintf("%d ms (median %d)", start.Milliseconds(), percentile(r.starts, 50).Milliseconds()), start < time.Second})
	for _, clients := range clientCounts() {
		p50 := ratio(r.find(other, guardName, clients), r.find(other, nothingName, clients))
		all = append(all, aim{"another chart's release: within 5% of nothing, " + plural(clients), fmt.Sprintf("%.3f", p50), p50 > 0.95 && p50 < 1.05})
	}
	return all
}

// find returns the series of a variant.
func (r result) find(g group, variant string, clients int) series {
	for _, s := range r.series[g.title] {
		if s.variant == variant && s.clients == clients {
			return s
		}
	}
	return series{}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

// resident is the peak, and what of it is not the program's file.
func resident(u cluster.Usage) string {
	return fmt.Sprintf("%.1f MiB, %.1f without the program's file", mib(u.PeakMemory), mib(u.PeakMemory-u.FileMemory))
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func plural(clients int) string {
	if clients == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", clients)
}

func orDash(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", seconds)
}

// writeBetweenMarkers replaces what stands between the markers of a file.
func writeBetweenMarkers(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(old), begin)
	_, after, alsoFound := strings.Cut(rest, end)
	if !found || !alsoFound {
		return errors.New(file + " has no markers to write between")
	}
	return os.WriteFile(file, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644) //nolint:gosec // a page of the documentation
}
