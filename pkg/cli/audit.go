package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
	"github.com/spegel-guard/spegel-guard/pkg/publish"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

type auditOptions struct {
	judging
	cluster      clusterOptions
	namespace    string
	timeout      time.Duration
	events       bool
	policyReport bool
}

func newAudit() *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Audit the HelmReleases of a cluster",
		Long: `Audit the HelmReleases of a cluster: those that install Spegel, as the webhook would, and what runs of them.

The cluster is the one of the kubeconfig, as for kubectl, or the one that this runs in. It is only read, unless --events or
--policy-report ask for more. What may not be read, such as a Secret, is reported as unresolved.

What only the cluster knows counts as a warning and never denies: no DaemonSet of a release, one that carries another list than
the values ask for, pods of an older template, Spegel without a HelmRelease.

Exit code: 0 nothing is denied, 1 something is denied, 2 the audit could not be done.
An Event or a PolicyReport that could not be written is exit code 2 too, unless something is denied.`,
		Example: `  # the cluster that kubectl speaks to
  spegel-guard audit --private-registry harbor.example.com

  # with a policy file, and a report for programs beside the one for a person
  spegel-guard audit --config policy.yaml -o text -o json=audit.json

  # with rights to one namespace only
  spegel-guard audit --namespace kube-system`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	o.flags(f)
	o.cluster.flags(f)
	f.StringVarP(&o.namespace, "namespace", "n", "", "only the HelmReleases of this namespace; default is all")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long the audit may take")
	f.BoolVar(&o.events, "events", false, "write an Event about each finding, once a day while the API server keeps it")
	f.BoolVar(&o.policyReport, "policy-report", false, "write a PolicyReport about each release, where wgpolicyk8s.io/v1alpha2 is installed")
	complete(cmd, report.Formats())
	return cmd
}

// run audits, publishes and reports. The report is written even if something could not be published.
func (o *auditOptions) run(cmd *cobra.Command) error {
	outputs, err := parseOutputs(o.outputs, report.Formats())
	pol, policyErr := o.policy()
	if o.timeout <= 0 {
		err = errors.Join(err, fmt.Errorf("--timeout %s: want more than 0s", o.timeout))
	}
	if err := errors.Join(err, policyErr); err != nil {
		return err
	}
	c, err := o.cluster.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	res, err := audit.Run(ctx, audit.Options{Reader: c, Namespace: o.namespace, Charts: pol.Charts, Policy: pol.Policy})
	if err != nil {
		return err
	}
	sayNonePrivate(pol, cmd.ErrOrStderr())
	rep := report.FromAudit(res, pol.Unresolved)
	published := o.publish(ctx, c, rep, cmd.ErrOrStderr())
	if err := outputs.write(cmd.Context(), rep, cmd.Name(), nil, cmd.OutOrStdout(), &input{Reader: cmd.InOrStdin()}); err != nil {
		return errors.Join(published, err)
	}
	return unpublished(o.verdict(rep, cmd.ErrOrStderr()), published, cmd.ErrOrStderr())
}

// publish writes what the flags ask for into the cluster. What the cluster can't take, rightly, is said and is no error.
func (o *auditOptions) publish(ctx context.Context, c client.Client, rep *report.Report, stderr io.Writer) (failed error) {
	var leaving []string
	if o.events {
		leaving, failed = publish.Events(ctx, c, rep, instance(), time.Now())
	}
	if o.policyReport {
		also, err := publish.PolicyReports(ctx, c, rep, o.namespace, time.Now())
		leaving = append(leaving, also...)
		if errors.Is(err, publish.ErrNoPolicyReports) {
			fmt.Fprintln(stderr, "spegel-guard:", err)
			err = nil
		}
		failed = errors.Join(failed, err)
	}
	slices.Sort(leaving)
	if leaving = slices.Compact(leaving); len(leaving) > 0 {
		const most = 5
		names := strings.Join(leaving[:min(len(leaving), most)], ", ")
		if more := len(leaving) - most; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintln(stderr, "spegel-guard: nothing was written to namespaces that are being deleted:", names)
	}
	return failed
}

// unpublished is the verdict where some of it could not be published: a denial stays one, because an object that
// the API server refuses must not hide it.
func unpublished(verdict, published error, stderr io.Writer) error {
	if verdict == nil || published == nil {
		return errors.Join(verdict, published)
	}
	fmt.Fprintln(stderr, "spegel-guard:", published)
	return verdict
}

// instance is who writes an Event: in a cluster, the pod.
func instance() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "spegel-guard"
}
