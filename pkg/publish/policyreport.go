package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/report"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

const (
	managedBy  = "app.kubernetes.io/managed-by"
	manager    = "spegel-guard"
	namePrefix = "spegel-guard-"
	// maxResults and maxMessage (in bytes) keep a report far below the size that the API server takes.
	maxResults = 100
	maxMessage = 1024
)

// PolicyReportKind is the API of the Kubernetes policy working group that policy engines share.
func PolicyReportKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "wgpolicyk8s.io", Version: "v1alpha2", Kind: "PolicyReport"}
}

// ErrNoPolicyReports says that the cluster does not have the API.
var ErrNoPolicyReports = errors.New("the API server has no PolicyReports of wgpolicyk8s.io/v1alpha2, so none were written")

// PolicyReports makes one PolicyReport for each release, in its namespace and owned by it: a report of an
// earlier run is replaced, and one of a release that is gone is removed. A namespace limits that to one; empty is
// all. The error is ErrNoPolicyReports, or joins those of the API server.
func PolicyReports(ctx context.Context, c client.Client, r *report.Report, namespace string, now time.Time) error {
	stale, err := existing(ctx, c, namespace)
	if apierrors.IsNotFound(err) {
		return ErrNoPolicyReports
	}
	if err != nil {
		return fmt.Errorf("list PolicyReports: %w", err)
	}
	var errs []error
	for i := range r.Releases {
		fresh := newPolicyReport(&r.Releases[i], now)
		key := client.ObjectKeyFromObject(fresh)
		write := func() error { return c.Create(ctx, fresh) }
		if old := stale[key]; old != nil {
			delete(stale, key)
			fresh.SetResourceVersion(old.GetResourceVersion())
			write = func() error { return c.Update(ctx, fresh) }
		}
		if err := write(); isFailure(err) {
			errs = append(errs, fmt.Errorf("write the PolicyReport about %s: %w", r.Releases[i].ID(), err))
		}
	}
	for key, old := range stale {
		if err := client.IgnoreNotFound(c.Delete(ctx, old)); err != nil {
			errs = append(errs, fmt.Errorf("remove PolicyReport %s: %w", key, err))
		}
	}
	return joined(errs, "PolicyReports")
}

// existing are the reports of earlier runs, of which there are about as many as releases.
func existing(ctx context.Context, c client.Reader, namespace string) (map[client.ObjectKey]*unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(PolicyReportKind())
	if err := c.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels{managedBy: manager}); err != nil {
		return nil, err
	}
	found := map[client.ObjectKey]*unstructured.Unstructured{}
	for i := range list.Items {
		if o := &list.Items[i]; strings.HasPrefix(o.GetName(), namePrefix) {
			found[client.ObjectKeyFromObject(o)] = o
		}
	}
	return found, nil
}

func newPolicyReport(rel *report.Release, now time.Time) *unstructured.Unstructured {
	ref := object(rel)
	results, summary := results(rel, now)
	o := &unstructured.Unstructured{Object: map[string]any{
		"results": results, "summary": summary, "scope": map[string]any{
			"apiVersion": ref.APIVersion, "kind": ref.Kind, "namespace": ref.Namespace, "name": ref.Name, "uid": string(ref.UID),
		},
	}}
	o.SetGroupVersionKind(PolicyReportKind())
	o.SetNamespace(rel.Namespace)
	o.SetName(namePrefix + rel.UID)
	o.SetLabels(map[string]string{managedBy: manager})
	// no controller, and nothing is blocked: it only goes when the release does
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: ref.APIVersion, Kind: ref.Kind, Name: ref.Name, UID: ref.UID}})
	return o
}

// results has one result for each thing that is wrong, what denies first, or one that passes. The summary counts all of them,
// also those that maxResults leaves out.
func results(rel *report.Release, now time.Time) (list []any, summary map[string]any) {
	counts := map[string]int64{"pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0}
	add := func(result, rule, message, severity string) {
		out := map[string]any{
			"source": manager, "policy": manager, "category": "Spegel", "result": result, "message": cut(message, maxMessage), "scored": result == "fail",
			"timestamp": map[string]any{"seconds": now.Unix(), "nanos": int64(0)},
		}
		if rule != "" {
			out["rule"] = rule
		}
		if severity != "" {
			out["severity"] = severity
		}
		list = append(list, out)
	}
	all := entries(rel)
	for i := range all {
		e := &all[i]
		result, severity := "warn", "medium"
		switch {
		case e.Severity == validate.Deny:
			result, severity = "fail", "high"
		case e.ID == report.EntryUnresolved:
			result, severity = "skip", ""
		}
		counts[result]++
		if i < maxResults {
			add(result, e.ID, e.Text(), severity)
		}
	}
	if left := len(all) - maxResults; left > 0 {
		add("skip", "", fmt.Sprintf("%d more results are left out", left), "")
	}
	if len(all) == 0 {
		counts["pass"]++
		add("pass", "", "the values keep Spegel away from private registries", "")
	}
	summary = map[string]any{}
	for result, n := range counts {
		summary[result] = n
	}
	return list, summary
}
