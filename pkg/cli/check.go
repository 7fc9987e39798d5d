package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

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
		RunE:  o.run,
	}
	f := cmd.Flags()
	o.flags(cmd)
	f.Lookup("config").Usage += "; default is " + policyName + " at the root of the repository, if there is one"
	f.StringArrayVar(&o.ignore, "ignore", nil, "glob of paths in which releases that nothing builds are ignored (repeatable)")
	f.StringArrayVar(&o.varFiles, "vars", nil, "file of values for ${NAME}: dotenv, or YAML of ConfigMaps and Secrets; - is standard input (repeatable)")
	f.StringArrayVar(&o.vars, "var", nil, "value for ${NAME}, as NAME=VALUE; wins over --vars (repeatable)")
	f.BoolVar(&o.all, "all", false, "build every Kustomization, not only those that seem to hold a release of Spegel")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "also list faults and remote resources that do not concern Spegel")
	return cmd
}

// run checks and reports. The reports are written even if the check is not complete.
func (o *checkOptions) run(cmd *cobra.Command, paths []string) error {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	err := o.outputs.parse()
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

	most := bounds{time: time.Minute, memory: 1 << 30}
	if o.all {
		most.time = 0 // to build everything takes as long as it takes
	}
	res, err := within(cmd.Context(), most, func(ctx context.Context) (*fluxrepo.Result, error) {
		return fluxrepo.Check(ctx, fluxrepo.Options{
			Paths: paths, Stdin: stdin, Ignore: o.ignore, Charts: pol.Charts, Policy: pol.Policy,
			Vars: vars.values, Sources: vars.sources, All: o.all,
		})
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
	if err := o.outputs.write(cmd.Context(), rep, cmd.Name(), paths, cmd.OutOrStdout(), kept.Bytes()); err != nil {
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
