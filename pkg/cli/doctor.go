package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/spegel-guard/spegel-guard/pkg/node"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/pkg/report"
)

type doctorOptions struct {
	policyOptions
	root           string
	talos          []string
	bundle         string
	image          string
	cluster        clusterOptions
	namespace      string
	outputs        outputs
	interval       time.Duration
	metricsAddress string
}

func newDoctor() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Find out why an image does not pull on a node",
		Args:    noArgs,
		PreRunE: o.check,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.root, "node-root", "", "folder that holds the node's files: / on the node itself")
	f.StringSliceVar(&o.talos, "talos", nil, "Talos node, by the address that talosctl knows (repeatable, or a comma-separated list)")
	f.StringVar(&o.bundle, "bundle", "", "archive: what talosctl support writes, or a tar or tar.gz of a node's files")
	f.StringVar(&o.image, "image", "", "image that can't be pulled, as the pod names it")
	o.flags(f)
	f.StringVar(&o.cluster.kubeconfig, "kubeconfig", "", "kubeconfig file, for what the cluster knows; without it and --context no cluster is asked")
	f.StringVar(&o.cluster.context, "context", "", "context of the kubeconfig; without --kubeconfig, of the one that kubectl finds")
	f.StringVarP(&o.namespace, "namespace", "n", "default", "namespace of the pods whose image can't be pulled")
	o.outputs.flag(cmd, report.DoctorFormats()...)
	f.DurationVar(&o.interval, "interval", 0, "repeat the checks at this interval and serve metrics; needs --node-root")
	f.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "address of /metrics and /healthz, with --interval")
	cmd.MarkFlagsMutuallyExclusive("node-root", "talos", "bundle")
	return cmd
}

// check reports which flags do not go together. Cobra knows it of the first ones too, and would say it in words of its own.
func (o *doctorOptions) check(cmd *cobra.Command, _ []string) error {
	given := cmd.Flags().Changed
	ways := 0
	for _, flag := range []string{"node-root", "talos", "bundle"} {
		if given(flag) {
			ways++
		}
	}
	switch repeats := given("interval"); {
	case ways > 1:
		return errors.New("--node-root, --talos and --bundle exclude each other: a run reads its nodes in one way")
	case !repeats && given("metrics-bind-address"):
		return errors.New("--metrics-bind-address needs --interval: a single run serves no metrics")
	case !repeats:
		return o.outputs.parse()
	case given("output"):
		return errors.New("--interval and --output exclude each other: what repeated checks find goes to the log and to /metrics")
	case o.interval < minInterval:
		return fmt.Errorf("--interval %s: want at least %s", o.interval, minInterval)
	case o.root == "":
		return errors.New("--interval needs --node-root: metrics are of the node that doctor runs on")
	}
	return nil
}

// run examines once, or again and again.
func (o *doctorOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	if o.interval != 0 {
		return o.serve(ctx, stderr)
	}
	if o.root == "" && len(o.talos) == 0 && o.bundle == "" && o.cluster == (clusterOptions{}) {
		return errors.New("nothing to look at: name a node with --node-root, --talos or --bundle, or a cluster with --kubeconfig, or both")
	}
	pol, err := policy.Load(o.config, o.private)
	if err != nil {
		return err
	}
	examinations, err := o.examine(ctx, pol)
	if err != nil {
		return err
	}
	if len(pol.PrivateRegistries) == 0 && o.image == "" {
		fmt.Fprintln(stderr, "spegel-guard: no private registry is known, so a folder of one is not recognized; name some in the policy file or with --private-registry")
	}
	err = o.outputs.each(ctx, stdout, func(w io.Writer, format report.Format, color bool) error {
		return format.WriteExaminations(w, examinations, color)
	})
	if err != nil {
		return err
	}
	return doctorVerdict(examinations)
}

// examine looks at every node.
func (o *doctorOptions) examine(ctx context.Context, pol *policy.Policy) ([]report.Examination, error) {
	var cluster *node.Cluster // nil where neither a kubeconfig nor a context is named: doctor on every node asks no API server
	if o.cluster != (clusterOptions{}) {
		c, err := o.cluster.client()
		if err != nil {
			return nil, err
		}
		cluster = &node.Cluster{Reader: c, Namespace: o.namespace}
	}
	nodes, err := o.nodes(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, n := range nodes {
			if c, ok := n.(io.Closer); ok {
				_ = c.Close() // it was only read
			}
		}
	}()
	results, err := node.Examine(ctx, nodes, node.Options{Cluster: cluster, Registries: pol.PrivateRegistries, Severities: pol.Severities, Image: o.image})
	if err != nil {
		return nil, err
	}
	var out []report.Examination
	for i, files := range nodes {
		name := ""
		if files != nil {
			name = files.Node()
		}
		out = append(out, report.Examination{Node: name, Checks: results[i]})
	}
	return out, nil
}

// nodes opens what the flags name. Without any there is one that is nil: the cluster alone is asked.
func (o *doctorOptions) nodes(ctx context.Context) ([]node.Files, error) {
	switch {
	case o.root != "":
		root, err := node.OpenRoot(o.root)
		return []node.Files{root}, err
	case o.bundle != "":
		return node.OpenBundle(ctx, o.bundle)
	case len(o.talos) == 0:
		return []node.Files{nil}, nil
	}
	var nodes []node.Files
	for _, name := range o.talos {
		t, err := node.NewTalos("talosctl", name)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, t)
	}
	return nodes, nil
}

// doctorVerdict is the error that makes the exit code.
func doctorVerdict(all []report.Examination) error {
	failed, looked := 0, 0
	for i := range all {
		failed += all[i].Count(node.Fail)
		for _, c := range all[i].Checks {
			// that a name has an address says nothing of a node, and that a registry answers nothing of one that was named
			if c.Status != node.Skip && c.Check != "dns" && (c.Check != "reachability" || all[i].Node == "") {
				looked++
			}
		}
	}
	switch {
	case failed > 0:
		return errDenied
	case looked == 0:
		return errors.New("nothing could be checked: what needs the node or the cluster was skipped, and the report says why")
	}
	return nil
}
