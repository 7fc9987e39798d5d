package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// step is one kubectl command and the answer that the demo expects.
type step struct {
	// title says in a sentence what is tried.
	title string
	// args are kubectl's arguments.
	args []string
	// refused says that the webhook must deny it.
	refused bool
	// says are texts that the answer must hold.
	says []string
}

// denial is how kubectl prints that the webhook, and not something else, refused.
const denial = `admission webhook "helmreleases.spegel-guard.dev" denied the request`

// steps returns the incident's story: three ways to get it wrong, the right one, and what happens later.
func steps() []step {
	apply := func(file string) []string { return []string{"apply", "-f", "examples/" + file} }
	patch := func(patch string) []string {
		return []string{"-n", "kube-system", "patch", "helmrelease", "spegel", "--type=merge", "-p", patch}
	}
	return []step{
		{
			title:   "The incident: the list of registries stands under a key that Spegel's chart ignores.",
			args:    apply("incident.yaml"),
			refused: true,
			says:    []string{"[legacy-registries-key]", "[empty-mirror-list]"},
		},
		{
			title:   "No list at all, as in Spegel's own quick start: every registry is mirrored.",
			args:    apply("empty-list.yaml"),
			refused: true,
			says:    []string{"[empty-mirror-list]"},
		},
		{
			title:   "A list that names a private registry.",
			args:    apply("private-host.yaml"),
			refused: true,
			says:    []string{"[private-registry-mirrored]", "registry.example.ts.net"},
		},
		{
			title: "The incident, corrected.",
			args:  apply("corrected.yaml"),
			says:  []string{"helmrelease.helm.toolkit.fluxcd.io/spegel created"},
		},
		{
			title:   "An update that takes the list away again.",
			args:    patch(`{"spec":{"values":{"spegel":{"mirroredRegistries":[]}}}}`),
			refused: true,
			says:    []string{"[empty-mirror-list]"},
		},
		{
			title: "The incident again, but suspended: nothing is installed from it, so it gets in, with warnings.",
			args:  apply("suspended.yaml"),
			says:  []string{"Warning: ", "legacy-registries-key", "helmrelease.helm.toolkit.fluxcd.io/spegel configured"},
		},
	}
}

// play runs the step, prints command and answer, and says whether it was the expected one.
func (s step) play(ctx context.Context, c *cluster.Cluster, out io.Writer, number int) (bool, error) {
	fmt.Fprintf(out, "%d. %s\n\n    $ %s\n", number, s.title, commandLine(s.args))
	answer, err := c.Kubectl(ctx, s.args...)
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(answer.Output) {
		fmt.Fprint(out, "    ", line)
	}
	verdict, ok := s.judge(answer)
	fmt.Fprintf(out, "\n   %s\n\n", verdict)
	return ok, nil
}

// judge compares an answer with the expected one.
func (s step) judge(answer cluster.Result) (verdict string, ok bool) {
	says, want := s.says, "Accepted"
	if s.refused {
		says, want = append([]string{denial}, says...), "Refused"
	}
	if refused := answer.ExitCode != 0; refused != s.refused {
		return fmt.Sprintf("UNEXPECTED: kubectl ended with status %d, expected: %s.", answer.ExitCode, strings.ToLower(want)), false
	}
	for _, text := range says {
		if !strings.Contains(answer.Output, text) {
			return fmt.Sprintf("UNEXPECTED: the answer does not say %q.", text), false
		}
	}
	return want + ", as expected.", true
}

// commandLine writes a kubectl command as one would type it.
func commandLine(args []string) string {
	words := []string{"kubectl"}
	for _, arg := range args {
		if strings.ContainsAny(arg, " {}[]\"$*") {
			arg = "'" + arg + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// timed prints what is going on while do runs, and then how long it took.
func timed(out io.Writer, what string, do func() error) error {
	fmt.Fprintf(out, "%s ... ", what)
	start := time.Now()
	err := do()
	if err != nil {
		fmt.Fprintln(out, "failed")
		return err
	}
	fmt.Fprintf(out, "%.1fs\n", time.Since(start).Seconds())
	return nil
}
