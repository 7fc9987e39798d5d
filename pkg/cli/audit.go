package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	o.flags(cmd)
	o.cluster.flags(f)
	f.StringVarP(&o.namespace, "namespace", "n", "", "only the HelmReleases of this namespace; default is all")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long the audit may take")
	f.BoolVar(&o.events, "events", false, "write an Event about each finding")
	f.BoolVar(&o.policyReport, "policy-report", false, "write a PolicyReport about each release, where wgpolicyk8s.io/v1alpha2 is installed")
	return cmd
}

// run audits, publishes and reports. The report is written even if something could not be published.
func (o *auditOptions) run(cmd *cobra.Command) error {
	err := o.outputs.parse()
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
	stderr := cmd.ErrOrStderr()
	sayNonePrivate(pol, stderr)
	rep := report.FromAudit(res, pol.Unresolved)
	published := o.publish(ctx, c, rep, stderr)
	if err := o.outputs.write(cmd.Context(), rep, cmd.Name(), nil, cmd.OutOrStdout(), nil); err != nil {
		return errors.Join(published, err)
	}
	return unpublished(o.verdict(rep, stderr), published, stderr)
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

// publish writes what the flags ask for into the cluster. That a cluster has no PolicyReports is said and is no error.
func (o *auditOptions) publish(ctx context.Context, c client.Client, rep *report.Report, stderr io.Writer) (failed error) {
	if o.events {
		instance, _ := os.Hostname() // in a cluster, the pod's name
		failed = publish.Events(ctx, c, rep, cmp.Or(instance, "spegel-guard"), time.Now())
	}
	if o.policyReport {
		err := publish.PolicyReports(ctx, c, rep, o.namespace, time.Now())
		if errors.Is(err, publish.ErrNoPolicyReports) {
			fmt.Fprintln(stderr, "spegel-guard:", err)
			err = nil
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
