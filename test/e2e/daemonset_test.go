package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
	"github.com/spegel-guard/spegel-guard/test/e2e/clustertest"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// daemonSetsNamespace is the only one whose DaemonSets are reviewed here.
const daemonSetsNamespace = "daemonsets"

// daemonSetOf is a DaemonSet of a release as a chart makes it.
func daemonSetOf(t *testing.T, name, chart string, list ...string) string {
	t.Helper()
	ds := parity.DaemonSet{}.Object(name, daemonSetsNamespace, parity.ChartPod(chart, list...))
	ds.Labels = map[string]string{"helm.toolkit.fluxcd.io/name": "spegel", "helm.toolkit.fluxcd.io/namespace": daemonSetsNamespace}
	return manifest(t, ds)
}

// manifest is an object as a file holds it.
func manifest(t *testing.T, object any) string {
	t.Helper()
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reviewDaemonSets registers the entry of components/daemonset for one namespace, as others have Spegel's DaemonSets too.
func reviewDaemonSets(t *testing.T) {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := cluster.RenderComponents(filepath.Join(root, "manifests"), "cert-manager", "daemonset")
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := rendered.WebhookConfiguration()
	if err != nil {
		t.Fatal(err)
	}
	configuration.Name = "spegel-guard-daemonsets"
	configuration.Webhooks = slices.DeleteFunc(configuration.Webhooks, func(w admissionregistrationv1.ValidatingWebhook) bool {
		return w.Name != "daemonsets.spegel-guard.dev"
	})
	entry := &configuration.Webhooks[0]
	url := guard.URL() + *entry.ClientConfig.Service.Path
	entry.ClientConfig = admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: guard.CA()}
	entry.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": daemonSetsNamespace}}
	entry.FailurePolicy = new(admissionregistrationv1.Fail) // so that a call that fails is no pass
	entry.TimeoutSeconds = new(int32(10))
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(configuration)
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.Apply(t.Context(), &unstructured.Unstructured{Object: content}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the API server calls the entry for DaemonSets", func() bool {
		result := kubectlInput(t, daemonSetOf(t, "probe", "v0.7.4"), "create", "--dry-run=server", "-f", "-")
		return result.ExitCode != 0
	})
}

// refusedDaemonSet fails the test unless the guard refused for a rule.
func refusedDaemonSet(t testing.TB, result cluster.Result, rule string) string {
	t.Helper()
	if result.ExitCode == 0 || !strings.Contains(result.Output, "(Forbidden)") || !strings.Contains(result.Output, "["+rule+"]") ||
		!strings.Contains(result.Output, `admission webhook "daemonsets.spegel-guard.dev" denied the request: Spegel would `) {
		t.Fatalf("kubectl ended with status %d; want a refusal for %s\n%s", result.ExitCode, rule, result.Output)
	}
	return result.Output
}

// revisionOf is the ControllerRevision that the DaemonSet controller keeps of a template.
func revisionOf(t *testing.T, ns, name string, revision int64, list ...string) string {
	t.Helper()
	uid := strings.TrimSpace(accepted(t, kubectl(t, "-n", ns, "get", "daemonset", name, "-o", "jsonpath={.metadata.uid}")))
	ds := parity.DaemonSet{}.Object(name, ns, parity.ChartPod("v0.7.4", list...))
	template, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&ds.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	template["$patch"] = "replace"
	data, err := json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
	if err != nil {
		t.Fatal(err)
	}
	return manifest(t, &appsv1.ControllerRevision{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ControllerRevision"},
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprint(name, "-", revision), Namespace: ns, Labels: ds.Spec.Selector.MatchLabels,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: name, UID: types.UID(uid), Controller: new(true)}},
		},
		Revision: revision, Data: runtime.RawExtension{Raw: data},
	})
}

// TestDaemonSets has kubectl write the DaemonSets of four charts in every way that it has.
func TestDaemonSets(t *testing.T) {
	t.Parallel()
	const docker, private = "https://docker.io", "https://registry.example.ts.net"
	ns := namespace(t, daemonSetsNamespace)
	// this one was there before the component came
	accepted(t, kubectlInput(t, daemonSetOf(t, "old", "v0.7.4", private, "https://harbor.example.com:8443"), "create", "-f", "-"))
	accepted(t, kubectlInput(t, daemonSetOf(t, "undone", "v0.7.4", private), "create", "-f", "-"))
	reviewDaemonSets(t)
	for version := range parity.Charts() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			const rule = "private-registry-mirrored"
			chart := strings.ReplaceAll(version, ".", "-")
			good, bad := daemonSetOf(t, chart, version, docker), daemonSetOf(t, chart, version, docker, private)
			none := map[bool]string{true: "invalid-mirror-url", false: "empty-mirror-list"}[version == "v0.0.28"] // where it does not start without one
			for _, verb := range [][]string{{"create"}, {"create", "--dry-run=server"}, {"apply"}, {"apply", "--server-side"}, {"apply", "--server-side", "--dry-run=server"}} {
				refusedDaemonSet(t, kubectlInput(t, bad, append(verb, "-f", "-")...), rule)
				refusedDaemonSet(t, kubectlInput(t, daemonSetOf(t, chart, version), append(verb, "-f", "-")...), none)
			}
			out := accepted(t, kubectlInput(t, good, "create", "--save-config", "-f", "-"))
			for _, verb := range [][]string{{"apply"}, {"apply", "--dry-run=server"}, {"apply", "--server-side", "--force-conflicts"}, {"replace"}} {
				refusedDaemonSet(t, kubectlInput(t, bad, append(verb, "-f", "-")...), rule)
			}
			refusedDaemonSet(t, kubectl(t, "-n", ns, "patch", "daemonset", chart, "--type=json", "-p",
				`[{"op":"add","path":"/spec/template/spec/initContainers/0/args/5","value":"`+private+`"}]`), rule)
			out += accepted(t, kubectl(t, "-n", ns, "rollout", "restart", "daemonset/"+chart))
			out += accepted(t, kubectl(t, "-n", ns, "label", "daemonset", chart, "a=b"))
			if strings.Contains(out, "Warning") {
				t.Errorf("a good one is warned of:\n%s", out)
			}
		})
	}
	t.Run("one that was bad before", func(t *testing.T) {
		t.Parallel()
		out := accepted(t, kubectl(t, "-n", ns, "rollout", "restart", "daemonset/old"))
		if strings.Count(out, "Warning: private-registry-mirrored: --mirrored-registries of container configuration: ") != 2 {
			t.Errorf("no warnings:\n%s", out)
		}
		accepted(t, kubectlInput(t, daemonSetOf(t, "old", "v0.7.4", private), "replace", "-f", "-")) // one of two faults
		refusedDaemonSet(t, kubectlInput(t, daemonSetOf(t, "old", "v0.7.4", private, "_default"), "replace", "-f", "-"), "wildcard-mirror")
		accepted(t, kubectlInput(t, daemonSetOf(t, "old", "v0.7.4", docker), "replace", "-f", "-"))
		refusedDaemonSet(t, kubectlInput(t, daemonSetOf(t, "old", "v0.7.4", private), "replace", "-f", "-"), "private-registry-mirrored")
		accepted(t, kubectl(t, "-n", ns, "delete", "daemonset", "old", "--timeout=20s"))
	})
	t.Run("back to an older template", func(t *testing.T) {
		t.Parallel()
		// The controller is not here; this is what it keeps.
		accepted(t, kubectlInput(t, revisionOf(t, ns, "undone", 1, docker)+"---\n"+revisionOf(t, ns, "undone", 2, private), "create", "-f", "-"))
		accepted(t, kubectl(t, "-n", ns, "rollout", "undo", "daemonset/undone"))
		// of this refusal kubectl shows the text, and not the code
		r := kubectl(t, "-n", ns, "rollout", "undo", "daemonset/undone", "--to-revision=2")
		if r.ExitCode == 0 || !strings.Contains(r.Output, "denied the request: Spegel would stand between") || !strings.Contains(r.Output, "[private-registry-mirrored]") {
			t.Errorf("not refused: %s", r.Output)
		}
	})
	t.Run("pods that keep their template until they are deleted", func(t *testing.T) {
		t.Parallel()
		onDelete := func(list ...string) string {
			return strings.Replace(daemonSetOf(t, "on-delete", "v0.7.4", list...), "\nspec:\n", "\nspec:\n  updateStrategy: {type: OnDelete}\n", 1)
		}
		refusedDaemonSet(t, kubectlInput(t, onDelete(private), "create", "-f", "-"), "private-registry-mirrored")
		accepted(t, kubectlInput(t, onDelete(docker), "create", "-f", "-"))
		refusedDaemonSet(t, kubectlInput(t, onDelete(docker, private), "replace", "-f", "-"), "private-registry-mirrored")
	})
	t.Run("several releases of Spegel", func(t *testing.T) {
		t.Parallel()
		both := daemonSetOf(t, "spegel-a", "v0.7.4", docker) + "---\n" + daemonSetOf(t, "spegel-b", "v0.4.0", private)
		out := refusedDaemonSet(t, kubectlInput(t, both, "create", "-f", "-"), "private-registry-mirrored")
		if !strings.Contains(out, "daemonset.apps/spegel-a created") || !strings.Contains(out, "in DaemonSet "+ns+"/spegel-b of HelmRelease") {
			t.Errorf("each is judged by itself:\n%s", out)
		}
	})
	t.Run("a release whose values can't be read, and its DaemonSet", func(t *testing.T) {
		t.Parallel()
		text := accepted(t, kubectlInput(t, secretRelease(ns), "create", "-f", "-"))
		text += refusedDaemonSet(t, kubectlInput(t, daemonSetOf(t, "spegel", "v0.7.4", docker, private), "create", "-f", "-"), "private-registry-mirrored")
		clustertest.Golden(t, "testdata/golden/daemonset.txt", text)
		// what a program sees
		c, err := client.New(shared.Config(), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		status := apierrors.APIStatus(nil)
		err = c.Create(t.Context(), parity.DaemonSet{}.Object("spegel", ns, parity.ChartPod("v0.7.4", private, "_default")))
		if !errors.As(err, &status) {
			t.Fatal(err)
		}
		causes := status.Status().Details.Causes
		if status.Status().Code != http.StatusForbidden || status.Status().Reason != metav1.StatusReasonForbidden || len(causes) != 2 ||
			causes[0].Field != "spec.template.spec.initContainers[0].args[5]" || strings.Contains(err.Error(), "immutable") {
			t.Errorf("%+v", status.Status())
		}
	})
}
