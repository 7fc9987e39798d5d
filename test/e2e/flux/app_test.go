package flux_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// app is a Flux Kustomization in a namespace of its own, fed by pushes to a repository of the same name.
type app struct {
	t  *testing.T
	ns string
}

// newApp makes the Kustomization app; more is added to its spec.
func newApp(t *testing.T, ns, more string, files map[string]string) app {
	t.Helper()
	a := app{t, namespace(t, ns)}
	a.push(files)
	a.apply(fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: %[1]s}
spec:
  interval: 1h
  retryInterval: 1h
  timeout: 30s
  prune: true
  path: ./
  targetNamespace: %[1]s
  sourceRef: {kind: GitRepository, name: repo}
%[2]s`, ns, more))
	t.Cleanup(func() { // so that nothing reconciles for tests that come later
		_, _ = shared.Kubectl(context.WithoutCancel(t.Context()), "-n", ns, "delete", "kustomizations", "--all", "--wait=false")
	})
	return a
}

func (a app) apply(manifest string) {
	a.t.Helper()
	accepted(a.t, kubectlInput(a.t, manifest, "apply", "-f", "-"))
}

func (a app) push(files map[string]string) {
	a.t.Helper()
	if err := flux.Push(a.t.Context(), a.ns, "repo", files); err != nil {
		a.t.Fatal(err)
	}
}

func (a app) flux(args ...string) cluster.Result {
	a.t.Helper()
	result, err := flux.CLI(a.t.Context(), append([]string{"-n", a.ns, "--timeout=60s"}, args...)...)
	if err != nil {
		a.t.Fatal(err)
	}
	return result
}

// reconcile has Flux reconcile a Kustomization at the revision pushed last, and returns the status and the
// message of its Ready condition. It asks as the flux CLI does, but does not wait as long: the CLI
// takes a refusal for something that may still get ready, and waits until its time is up.
func (a app) reconcile(name string) string {
	a.t.Helper()
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: a.ns, Name: "repo"}}
	if err := api.Get(a.t.Context(), client.ObjectKeyFromObject(repo), repo); err != nil {
		a.t.Fatal(err)
	}
	token := time.Now().Format(time.RFC3339Nano)
	k := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: a.ns, Name: name}}
	ask := fmt.Sprintf(`{"metadata": {"annotations": {%q: %q}}}`, meta.ReconcileRequestAnnotation, token)
	if err := api.Patch(a.t.Context(), k, client.RawPatch(types.MergePatchType, []byte(ask))); err != nil {
		a.t.Fatal(err)
	}
	var ready *metav1.Condition
	eventually(a.t, "kustomization "+name+" is reconciled at "+repo.Status.Artifact.Revision, func() bool {
		if err := api.Get(a.t.Context(), client.ObjectKeyFromObject(k), k); err != nil {
			a.t.Fatal(err)
		}
		ready = apimeta.FindStatusCondition(k.Status.Conditions, meta.ReadyCondition)
		return k.Status.LastHandledReconcileAt == token && k.Status.LastAttemptedRevision == repo.Status.Artifact.Revision &&
			ready != nil && ready.Status != metav1.ConditionUnknown
	})
	return string(ready.Status) + " " + ready.Message
}

// applied fails the test unless a reconciliation succeeds.
func (a app) applied(name string) {
	a.t.Helper()
	if ready := a.reconcile(name); !strings.HasPrefix(ready, "True ") {
		a.t.Fatalf("%s is %s", name, ready)
	}
}

// refused fails the test unless the guard refuses a reconciliation's HelmRelease for these rules; it returns the
// message of the Ready condition.
func (a app) refused(name string, rules ...string) string {
	a.t.Helper()
	return a.refusedBy("helmreleases", name, rules...)
}

// refusedBy is refused for an object of any kind: webhook is the first part of an entry's name.
func (a app) refusedBy(webhook, name string, rules ...string) string {
	a.t.Helper()
	ready := a.reconcile(name)
	if !strings.HasPrefix(ready, "False ") || !strings.Contains(ready, `failed`) || !strings.Contains(ready, webhook+".spegel-guard.dev\" denied the request: Spegel would") {
		a.t.Fatalf("%s is %s", name, ready)
	}
	for _, rule := range rules {
		if !strings.Contains(ready, "["+rule+"]") {
			a.t.Errorf("rule %s is not named: %s", rule, ready)
		}
	}
	return strings.TrimPrefix(ready, "False ")
}

// get reads fields of an object, as kubectl's jsonpath does; a missing object reads as nothing.
func (a app) get(kind, name, path string) string {
	a.t.Helper()
	object := new(unstructured.Unstructured)
	object.SetGroupVersionKind(map[string]schema.GroupVersionKind{
		"configmap":     {Version: "v1", Kind: "ConfigMap"},
		"helmrelease":   {Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"},
		"ocirepository": sourcev1.GroupVersion.WithKind(sourcev1.OCIRepositoryKind),
	}[kind])
	err := api.Get(a.t.Context(), client.ObjectKey{Namespace: a.ns, Name: name}, object)
	if apierrors.IsNotFound(err) {
		return ""
	}
	fields := jsonpath.New(path).AllowMissingKeys(true)
	var out bytes.Buffer
	if err := errors.Join(err, fields.Parse(path), fields.Execute(&out, object.Object)); err != nil {
		a.t.Fatal(err)
	}
	return out.String()
}

func (a app) uid() string { return a.get("helmrelease", "spegel", "{.metadata.uid}") }

// ociRepository is the source that a HelmRelease of the tests refers to.
const ociRepository = `apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: spegel}
spec: {interval: 1h, url: oci://ghcr.io/spegel-org/helm-charts/spegel, ref: {tag: 0.7.4}}
`

// helmRelease is a HelmRelease with more in its spec.
func helmRelease(more string) string {
	return `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel}
spec:
  interval: 1h
  chartRef: {kind: OCIRepository, name: spegel}
` + more
}

var (
	incident = map[string]string{
		"helmrelease.yaml":   helmRelease("  values: {spegel: {registries: [\"https://docker.io\"]}}\n"),
		"ocirepository.yaml": ociRepository,
		"neighbour.yaml":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: neighbour}\n",
	}
	fix = with(incident, "helmrelease.yaml", helmRelease("  values: {spegel: {mirroredRegistries: [\"https://docker.io\"]}}\n"))
)

func with(files map[string]string, name, content string) map[string]string {
	out := map[string]string{name: content}
	for k, v := range files {
		if k != name {
			out[k] = v
		}
	}
	return out
}

var commit = regexp.MustCompile(`sha1:[0-9a-f]+`)

// stable takes out of a text what a change of the test's files would change.
func stable(text string) string { return commit.ReplaceAllString(text, "sha1:COMMIT") }
