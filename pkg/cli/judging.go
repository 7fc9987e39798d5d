package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

// noPrivateRegistry tells whoever names none that one rule can find nothing.
const noPrivateRegistry = "no private registry is known, so rule private-registry-mirrored has nothing to match; name some in the policy file or with --private-registry"

// policyOptions say what is judged by.
type policyOptions struct {
	config  string
	private []string
}

func (o *policyOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.config, "config", "", "policy file")
	// Func, because a slice would take an empty value, of a variable that is not set, for none.
	f.Func("private-registry", "private registry: `host`, host:port or *.domain; adds to the policy file (repeatable, or a comma-separated list)", func(list string) error {
		o.private = append(o.private, strings.Split(list, ",")...)
		return nil
	})
}

// judging is what check and audit share: by which policy is judged, how it is reported, and what fails.
type judging struct {
	policyOptions
	outputs      outputs
	failOnWarn   bool
	requireMatch bool
	unresolved   string
}

func (j *judging) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	j.policyOptions.flags(f)
	j.outputs.flag(cmd, report.Formats()...)
	f.BoolVar(&j.failOnWarn, "fail-on-warn", false, "exit with 1 if there are warnings")
	f.BoolVar(&j.requireMatch, "require-match", false, "exit with 2 if no release of Spegel is found")
	f.StringVar(&j.unresolved, "unresolved", "", "warn or deny, for what can't be decided; default is what the policy file says, else warn")
}

// policy is the policy file with what the flags say on top.
func (j *judging) policy() (*policy.Policy, error) {
	pol, err := policy.Load(j.config, j.private)
	if err != nil {
		return nil, err
	}
	switch u := policy.Unresolved(j.unresolved); u {
	case "":
	case policy.UnresolvedWarn, policy.UnresolvedDeny:
		pol.Unresolved = u
	default:
		return nil, fmt.Errorf("--unresolved %q: want warn or deny", j.unresolved)
	}
	return pol, nil
}

// sayNonePrivate warns of a rule that can find nothing.
func sayNonePrivate(pol *policy.Policy, stderr io.Writer) {
	if len(pol.PrivateRegistries) == 0 {
		fmt.Fprintln(stderr, "spegel-guard: "+noPrivateRegistry)
	}
}

// verdict is the error that makes the exit code. A check that is not complete counts as failed whatever
// it found.
func (j *judging) verdict(r *report.Report, stderr io.Writer) error {
	switch {
	case !r.Complete():
		return errors.New("the check is not complete; see the errors in the report")
	case j.requireMatch && r.Summary.Releases == 0:
		return errors.New("no release of Spegel was found, but --require-match requires one")
	case r.Summary.Denied > 0:
		return errDenied
	case j.failOnWarn && r.Summary.Warned > 0:
		fmt.Fprintln(stderr, "spegel-guard: there are warnings, which --fail-on-warn counts as failures")
		return errDenied
	}
	return nil
}
