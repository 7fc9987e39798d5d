package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

type checkOptions struct {
	judging
	ignore   []string
	varFiles []string
	vars     []string
	all      bool
	verbose  bool
}

func newCheck() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [PATH | -]...",
		Short: "Check the HelmReleases of a Flux repository",
		Long: `Check the HelmReleases of a Flux repository, as the webhook would in the cluster.

Each PATH is a folder (a repository or a part of it) or a file; - is a rendered stream on standard input. Without a PATH
the current folder is checked. Flux Kustomizations are built as Flux builds them. DaemonSets that run Spegel are judged by
their arguments: in a stream, in what is built, and in manifests that PATH names. The check needs neither a cluster nor a
network, and writes nothing but its reports.

The policy is the file of --config, or else .spegel-guard.yaml at the root of the git repository around PATH (without git,
in the folder that PATH names; for standard input, of the repository around the current folder).

What can't be read, such as an encrypted Secret or a variable without a value, is reported as unresolved. --vars and --var
give values to variables. A value that the repository holds in the clear wins over both, as it does in the cluster. A
ConfigMap or Secret of --vars stands for the one of its namespace and name in substituteFrom, and for nothing else. A
Secret that a release takes values from has to be decrypted in the repository or in the stream.

Exit code: 0 nothing is denied, 1 something is denied, 2 the check could not be done, or not in full.`,
		Example: `  # the repository that this folder is the root of
  spegel-guard check --private-registry harbor.example.com

  # with a policy file, and a report for code scanning beside the one for a person
  spegel-guard check . --config policy.yaml -o text -o sarif=guard.sarif

  # what another program has built
  kustomize build apps/spegel | spegel-guard check -

  # what Argo CD would apply: the chart with its value files, and an error if it holds no Spegel
  helm template spegel CHART -n kube-system -f values.yaml | spegel-guard check - --require-match

  # with the variables (${NAME}) of an encrypted Secret
  sops -d cluster-secrets.sops.yaml | spegel-guard check . --vars -`,
		RunE: o.run,
	}
	f := cmd.Flags()
	o.flags(f)
	f.Lookup("config").Usage += "; default is " + policyName + " at the root of the repository, if there is one"
	f.StringArrayVar(&o.ignore, "ignore", nil, "glob of paths in which releases that nothing builds are ignored (repeatable)")
	f.StringArrayVar(&o.varFiles, "vars", nil, "file of values for ${NAME}: dotenv, or YAML of ConfigMaps and Secrets; - is standard input (repeatable)")
	f.StringArrayVar(&o.vars, "var", nil, "value for ${NAME}, as NAME=VALUE; wins over --vars (repeatable)")
	f.BoolVar(&o.all, "all", false, "build every Kustomization, not only those that seem to hold a release of Spegel")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "also list faults and remote resources that do not concern Spegel")
	complete(cmd, report.Formats())
	return cmd
}

// run checks and reports. The reports are written even if the check is not complete.
func (o *checkOptions) run(cmd *cobra.Command, paths []string) error {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	outputs, err := parseOutputs(o.outputs, report.Formats())
	pol, policyErr := o.policyOf(paths)
	if uses := slices.Concat(paths, o.varFiles); len(slices.DeleteFunc(uses, func(name string) bool { return name != "-" })) > 1 {
		err = errors.Join(err, errors.New("- is named more than once, and standard input can be read only once"))
	}
	if err := errors.Join(err, policyErr); err != nil {
		return err
	}
	var kept bytes.Buffer // for the lines that a report shows
	stdin := io.TeeReader(cmd.InOrStdin(), &kept)
	vars, err := readVars(o.varFiles, o.vars, stdin)
	if err != nil {
		return err
	}

	res, err := fluxrepo.Check(cmd.Context(), fluxrepo.Options{
		Paths: paths, Stdin: stdin, Ignore: o.ignore, Charts: pol.Charts, Policy: pol.Policy,
		Vars: vars.values, Sources: vars.sources, All: o.all,
	})
	if err != nil {
		return err
	}
	for i := range res.Errors {
		res.Errors[i].Elsewhere = res.Errors[i].Elsewhere && !o.verbose
	}
	if o.verbose && res.Unbuilt > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "spegel-guard: Kustomizations not built, because nothing of Spegel can come from them: %d; --all builds them too\n", res.Unbuilt)
	}
	sayNonePrivate(pol, cmd.ErrOrStderr())
	vars.sayUnused(o.vars, res, cmd.ErrOrStderr())
	rep := report.New(res, pol.Unresolved)
	if err := outputs.write(cmd.Context(), rep, cmd.Name(), paths, cmd.OutOrStdout(), kept.Bytes()); err != nil {
		return err
	}
	return o.verdict(rep, cmd.ErrOrStderr())
}

// policyOf is the policy that the flags name, or else that of the repository.
func (o *checkOptions) policyOf(paths []string) (*policy.Policy, error) {
	if o.config == "" {
		var err error
		if o.config, err = findPolicy(paths); err != nil {
			return nil, err
		}
	}
	return o.policy()
}
