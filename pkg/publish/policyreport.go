package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/pages"
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
// all. It returns the namespaces that take none, because they are being deleted. The error is ErrNoPolicyReports, or
// joins those of the API server.
func PolicyReports(ctx context.Context, c client.Client, r *report.Report, namespace string, now time.Time) (leaving []string, err error) {
	stale, err := existing(ctx, c, namespace)
	if apierrors.IsNotFound(err) {
		return nil, ErrNoPolicyReports
	}
	if err != nil {
		return nil, fmt.Errorf("list PolicyReports: %w", err)
	}
	failed := failures{what: "PolicyReports"}
	for i := range r.Releases {
		fresh := newPolicyReport(&r.Releases[i], now)
		key := client.ObjectKeyFromObject(fresh)
		var err error
		if version, ok := stale[key]; ok {
			delete(stale, key)
			fresh.SetResourceVersion(version)
			err = c.Update(ctx, fresh)
		} else {
			err = c.Create(ctx, fresh)
		}
		failed.add(r.Releases[i].Namespace, "write the PolicyReport about "+r.Releases[i].ID(), err)
	}
	for key := range stale {
		gone := &unstructured.Unstructured{}
		gone.SetGroupVersionKind(PolicyReportKind())
		gone.SetNamespace(key.Namespace)
		gone.SetName(key.Name)
		failed.add(key.Namespace, "remove PolicyReport "+key.String(), client.IgnoreNotFound(c.Delete(ctx, gone)))
	}
	return failed.result()
}

// policyReports lists PolicyReports into lists that do not say of what kind they are.
type policyReports struct{ client.Reader }

// List implements client.Reader.
func (p policyReports) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	list.GetObjectKind().SetGroupVersionKind(PolicyReportKind())
	return p.Reader.List(ctx, list, opts...)
}

// existing maps the reports of earlier runs to their resource versions.
func existing(ctx context.Context, c client.Reader, namespace string) (map[client.ObjectKey]string, error) {
	found := map[client.ObjectKey]string{}
	opts := []client.ListOption{client.InNamespace(namespace), client.MatchingLabels{managedBy: manager}}
	err := pages.Each(ctx, policyReports{c}, opts, func(page *unstructured.UnstructuredList) error {
		for i := range page.Items {
			if o := &page.Items[i]; strings.HasPrefix(o.GetName(), namePrefix) {
				found[client.ObjectKeyFromObject(o)] = o.GetResourceVersion()
			}
		}
		return nil
	})
	return found, err
}

func newPolicyReport(rel *report.Release, now time.Time) *unstructured.Unstructured {
	ref := object(rel)
	results, summary := results(rel, now)
	o := &unstructured.Unstructured{Object: map[string]any{
		"scope": reference(ref), "results": results, "summary": summary,
	}}
	o.SetGroupVersionKind(PolicyReportKind())
	o.SetNamespace(rel.Namespace)
	o.SetName(namePrefix + rel.UID)
	o.SetLabels(map[string]string{managedBy: manager})
	// no controller, and nothing is blocked: it only goes when the release does
	_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{
		"apiVersion": ref.APIVersion, "kind": ref.Kind, "name": ref.Name, "uid": string(ref.UID),
	}}, "metadata", "ownerReferences")
	return o
}

func reference(ref corev1.ObjectReference) map[string]any {
	return map[string]any{
		"apiVersion": ref.APIVersion, "kind": ref.Kind, "namespace": ref.Namespace, "name": ref.Name, "uid": string(ref.UID),
	}
}

// results has one result for each thing that is wrong, or one that passes. The summary counts all of them, also
// those that maxResults leaves out.
func results(rel *report.Release, now time.Time) (list []any, summary map[string]any) {
	counts := map[string]int64{"pass": 0, "fail": 0, "warn": 0, "error": 0, "skip": 0}
	result := func(rule, result, message, severity string) {
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
	left := 0
	add := func(rule, outcome, message, severity string) {
		counts[outcome]++
		if len(list) == maxResults {
			left++
			return
		}
		result(rule, outcome, message, severity)
	}
	for _, e := range entries(rel) {
		if e.Severity == validate.Deny {
			add(e.ID, "fail", e.Text(), "high")
		} else {
			add(e.ID, "warn", e.Text(), "medium")
		}
	}
	for i := range rel.Unresolved {
		if u := &rel.Unresolved[i]; u.Severity != validate.Deny {
			add(report.EntryUnresolved, "skip", u.Object()+": "+u.Reason, "")
		}
	}
	if len(list) == 0 {
		add("", "pass", "the values keep Spegel away from private registries", "")
	}
	if left > 0 {
		result("", "skip", fmt.Sprintf("%d more results are left out", left), "")
	}
	summary = map[string]any{}
	for result, n := range counts {
		summary[result] = n
	}
	return list, summary
}
