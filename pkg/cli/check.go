package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

type checkOptions struct {
	config       string
	private      []string
	outputs      []string
	failOnWarn   bool
	requireMatch bool
	ignore       []string
	unresolved   string
	varFiles     []string
	vars         []string
	noPrune      bool
}

func newCheck() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [PATH | -]...",
		Short: "Check the HelmReleases of a Flux repository",
		Long: `Check the HelmReleases of a Flux repository, as the webhook would in the cluster.

Each PATH is a folder (a repository or a part of it) or a file; - is a rendered stream on standard input. Without one
the current folder is checked. Flux Kustomizations are built as Flux builds them. Nothing is written but the reports that
are asked for, and neither a cluster nor a network is needed.

What can't be read, such as an encrypted Secret or a variable without a value, is reported as unresolved; --vars and
--var hand values over.

Exit code: 0 nothing is denied, 1 something is denied, 2 the check could not be done, or not in full.`,
		Example: `  # the repository that this folder is the root of
  webhook check --private-registry harbor.example.com

  # with a policy file, and a report for code scanning beside the one for a person
  webhook check . --config policy.yaml -o text -o sarif=guard.sarif

  # what another program has built
  kustomize build apps/spegel | webhook check -

  # with the variables of an encrypted Secret
  sops -d cluster-secrets.sops.yaml | webhook check . --vars -`,
		RunE: o.run,
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "policy file")
	f.StringArrayVar(&o.private, "private-registry", nil, "private registry: host, host:port or *.domain; adds to the policy file (repeatable)")
	f.StringArrayVarP(&o.outputs, "output", "o", []string{"text"}, "report, as FORMAT for standard output or FORMAT=FILE: text, json, sarif, junit or github (repeatable)")
	f.BoolVar(&o.failOnWarn, "fail-on-warn", false, "exit with 1 if there are warnings")
	f.BoolVar(&o.requireMatch, "require-match", false, "exit with 2 if there is no release of Spegel's at all")
	f.StringArrayVar(&o.ignore, "ignore", nil, "glob of paths not to look at for releases that nothing builds (repeatable)")
	f.StringVar(&o.unresolved, "unresolved", "", "what to do with what can't be decided: warn or deny; default is what the policy file says, else warn")
	f.StringArrayVar(&o.varFiles, "vars", nil, "file of values for ${NAME}: dotenv, or YAML of a ConfigMap or Secret; - is standard input (repeatable)")
	f.StringArrayVar(&o.vars, "var", nil, "value for ${NAME}, as NAME=VALUE; wins over --vars (repeatable)")
	f.BoolVar(&o.noPrune, "no-prune", false, "build what can't hold a release of Spegel's too")
	_ = f.MarkHidden("no-prune") // the flag exists
	completeCheck(cmd)
	return cmd
}

// run checks and reports. The reports are written even if the check is not complete.
func (o *checkOptions) run(cmd *cobra.Command, paths []string) error {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	outputs, err := parseOutputs(o.outputs)
	pol, policyErr := o.policy()
	stdin := &input{Reader: cmd.InOrStdin()}
	stdinErr := o.readStdinOnce(paths)
	if err := errors.Join(err, policyErr, stdinErr); err != nil {
		return err
	}
	vars, err := readVars(o.varFiles, o.vars, stdin)
	if err != nil {
		return err
	}

	progress := newProgress(cmd.ErrOrStderr(), isTerminal(cmd.ErrOrStderr()))
	res, err := fluxrepo.Check(cmd.Context(), fluxrepo.Options{
		Paths: paths, Stdin: stdin, Ignore: o.ignore, Charts: pol.Charts, Policy: pol.Policy,
		Vars: vars, NoPrune: o.noPrune, Progress: progress.show,
	})
	progress.clear()
	if err != nil {
		return err
	}
	if len(pol.PrivateRegistries) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "webhook: no private registry is known, so rule private-registry-mirrored has nothing to match; name some in the policy file or with --private-registry")
	}
	rep := report.New(res, pol.Unresolved)
	if err := outputs.write(rep, cmd.OutOrStdout(), stdin); err != nil {
		return err
	}
	return o.verdict(rep, cmd.ErrOrStderr())
}

// policy is the policy file with what the flags say on top.
func (o *checkOptions) policy() (*policy.Policy, error) {
	pol, err := policy.Load(o.config, o.private)
	if err != nil {
		return nil, err
	}
	switch u := policy.Unresolved(o.unresolved); u {
	case "":
	case policy.UnresolvedWarn, policy.UnresolvedDeny:
		pol.Unresolved = u
	default:
		return nil, fmt.Errorf("--unresolved %q: want warn or deny", o.unresolved)
	}
	return pol, nil
}

// verdict is the error that makes the exit code. A check that is not complete counts as failed whatever
// it found.
func (o *checkOptions) verdict(r *report.Report, stderr io.Writer) error {
	switch {
	case !r.Complete():
		return errors.New("the check is not complete, see the errors in the report")
	case o.requireMatch && r.Summary.Releases == 0:
		return errors.New("no release of Spegel's was found, and --require-match asks for one")
	case r.Summary.Denied > 0:
		return errDenied
	case o.failOnWarn && r.Summary.Warned > 0:
		fmt.Fprintln(stderr, "webhook: there are warnings, and --fail-on-warn makes them fail")
		return errDenied
	}
	return nil
}
