package cluster

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has used since it started.
type Usage struct {
	CPU        time.Duration // user and system time
	PeakMemory int64         // bytes of resident memory at most
	FileMemory int64         // of what is resident now, bytes of the program's file
}

// Usage returns what the webhook's process has used. It needs Linux.
func (w *Webhook) Usage() (Usage, error) { return w.cluster.usage(w.name) }

// APIServerUsage returns what kube-apiserver has used. It needs Linux.
func (c *Cluster) APIServerUsage() (Usage, error) { return c.usage("kube-apiserver") }

func (c *Cluster) usage(name string) (u Usage, err error) {
	pid, err := os.ReadFile(c.guard.pidFile(name))
	if err != nil {
		return u, fmt.Errorf("find the process of %s: %w", name, err)
	}
	proc := "/proc/" + strings.TrimSpace(string(pid))
	if u.CPU, err = cpuTime(proc + "/stat"); err != nil {
		return u, fmt.Errorf("CPU time of %s: %w", name, err)
	}
	for field, into := range map[string]*int64{"VmHWM": &u.PeakMemory, "RssFile": &u.FileMemory} {
		if *into, err = memory(proc+"/status", field); err != nil {
			return u, fmt.Errorf("memory of %s: %w", name, err)
		}
	}
	return u, nil
}

// cpuTime reads utime and stime, fields 14 and 15. The kernel counts hundredths of a second for every program.
func cpuTime(file string) (time.Duration, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	// the second field, the name in parentheses, may hold spaces
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("not the format of /proc/PID/stat")
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// memory reads a field of /proc/PID/status, in bytes.
func memory(file, field string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc/PID/status", field)
}
