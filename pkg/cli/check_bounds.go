package cli

import (
	"context"
	"fmt"
	"runtime/metrics"
	"syscall"
	"time"
)

// bounds are what a check may take before it is given up. What a repository holds may be written to do harm, as that of a pull
// request may be, and nothing can interrupt a build of kustomize, a template or a regular expression.
type bounds struct {
	time   time.Duration // of the processor, so that a busy machine and a slow pipe do no harm; 0 for any
	memory uint64        // in bytes
}

// within runs a job, and gives it up when it takes too much or ctx ends. What can't be interrupted goes on, so the program has
// to end then.
func within[T any](ctx context.Context, most bounds, job func(context.Context) (T, error)) (out T, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		T   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		out, err := job(ctx)
		done <- outcome{out, err}
	}()
	begin, tick := processorTime(), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case o := <-done:
			return o.T, o.err
		case <-ctx.Done():
			return out, ctx.Err()
		case <-tick.C:
		}
		switch {
		case most.time > 0 && processorTime()-begin > most.time:
			return out, fmt.Errorf("gave up after %s of processor time: this is more than any repository should take", most.time)
		case memory() > most.memory:
			return out, fmt.Errorf("gave up at %d MiB of memory: this is more than any repository should take", most.memory>>20)
		}
	}
}

// processorTime is how long the program has run, on all processors.
func processorTime() time.Duration {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use) // can't fail
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// memory is what the program has taken and not given back, in bytes.
func memory() uint64 {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(all)
	return all[0].Value.Uint64() - all[1].Value.Uint64()
}
