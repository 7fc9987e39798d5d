package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/pages"
	"github.com/spegel-guard/spegel-guard/pkg/release"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// workers is how many releases are resolved at a time. Most need no request, some need a few.
const workers = 8

// Options say what is audited, and by which policy.
type Options struct {
	// Reader reads the cluster. It must not cache, and it must be safe for concurrent use.
	Reader client.Reader
	// Namespace limits the audit to the HelmReleases of one namespace; empty is all.
	Namespace string
	// Charts are the chart names, or full oci:// or https:// URLs, taken for Spegel's.
	Charts []string
	Policy validate.Policy
}

// Release is a release of Spegel.
type Release struct {
	// Kind is HelmRelease or, where Spegel runs without one, DaemonSet.
	Kind            string
	Namespace, Name string
	UID             types.UID
	Chart, Version  string
	Suspended       bool
	// Deleting reports whether the HelmRelease is being deleted.
	Deleting bool
	Findings []release.Finding
	// Unresolved are the references that could not be read and could change the findings.
	Unresolved []release.Reference
	// DaemonSets are what runs of it, sorted. Problems are what is wrong with that, in the order of Problems.
	DaemonSets []DaemonSet
	Problems   []Problem

	resolved *release.Release
	from     origin
}

// Result is what an audit found, sorted by namespace, name and kind.
type Result struct {
	Releases []Release

	origins []origin // of every HelmRelease, whatever its chart
}

// Run audits a cluster. It is an error if the HelmReleases can't be listed, the namespace does not exist or the context ends; what else can't be
// read is in the Result.
func Run(ctx context.Context, o Options) (*Result, error) {
	if len(o.Charts) == 0 {
		o.Charts = []string{"spegel"}
	}
	res := &Result{}
	err := pages.Each(ctx, o.Reader, []client.ListOption{client.InNamespace(o.Namespace)}, func(page *helmv2.HelmReleaseList) error {
		return o.judge(ctx, page.Items, res)
	})
	if err == nil {
		err = o.look(ctx, res)
	}
	if err == nil {
		err = ctx.Err() // what was not read in time counts as unresolved, and the audit as not done
	}
	if err != nil {
		return nil, explain(err, o.Namespace)
	}
	if len(res.origins) == 0 && o.Namespace != "" {
		if err := o.Reader.Get(ctx, client.ObjectKey{Name: o.Namespace}, &corev1.Namespace{}); apierrors.IsNotFound(err) { // else who may not see it is told nothing
			return nil, fmt.Errorf("there is no namespace %s", validate.Quote(o.Namespace))
		}
	}
	slices.SortFunc(res.Releases, func(a, b Release) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name), strings.Compare(b.Kind, a.Kind))
	})
	return res, nil
}

// judge picks Spegel's releases out of a page and runs the rules over them.
func (o *Options) judge(ctx context.Context, page []helmv2.HelmRelease, res *Result) error {
	judged := make([]*Release, len(page))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for i := range page {
		group.Go(func() error {
			judged[i] = o.judgeOne(ctx, &page[i])
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, rel := range judged {
		from := originOf(&page[i])
		if from.spegel = rel != nil; rel != nil {
			rel.from = from
			res.Releases = append(res.Releases, *rel)
		}
		res.origins = append(res.origins, from)
	}
	return nil
}

func (o *Options) judgeOne(ctx context.Context, hr *helmv2.HelmRelease) *Release {
	rel := release.Resolve(ctx, hr, release.Options{Charts: o.Charts, Reader: o.Reader})
	if rel == nil {
		return nil
	}
	res := rel.Evaluate(o.Policy)
	return &Release{
		Kind: helmv2.HelmReleaseKind, Namespace: hr.Namespace, Name: hr.Name, UID: hr.UID, Chart: rel.Chart, Version: rel.Version,
		Suspended: rel.Suspended, Deleting: hr.DeletionTimestamp != nil, Findings: res.Findings, Unresolved: res.Unresolved, resolved: rel,
	}
}

// explain puts what to do into the error of the API server.
func explain(err error, namespace string) error {
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("the API server has no HelmReleases of %s; is Flux 2.3 or newer installed? (%w)", helmv2.GroupVersion, err)
	case apierrors.IsForbidden(err) && namespace == "":
		return fmt.Errorf("HelmReleases may not be listed in all namespaces; use --namespace to audit one: %w", err)
	default:
		return fmt.Errorf("audit the cluster: %w", err)
	}
}
