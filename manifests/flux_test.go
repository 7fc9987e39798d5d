package manifests_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/test/page"
)

// fluxBuild builds the manifests as kustomize-controller does for a Kustomization of that spec.
func fluxBuild(t *testing.T, spec map[string]any) (install, error) {
	t.Helper()
	root := t.TempDir()
	for _, name := range manifestFiles(t) {
		data, err := os.ReadFile(name)
		if err == nil {
			err = os.MkdirAll(filepath.Join(root, "manifests", filepath.Dir(name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(root, "manifests", name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path, _ := spec["path"].(string)
	dir := filepath.Join(root, path)
	kustomize.Lock()
	defer kustomize.Unlock()
	if _, err := fluxkustomize.NewGenerator(root, unstructured.Unstructured{Object: map[string]any{"spec": spec}}).WriteFile(dir); err != nil {
		return nil, err
	}
	resources, err := fluxkustomize.SecureBuild(root, dir, false)
	if err != nil {
		return nil, err
	}
	return installOf(t, resources), nil
}

// mustBuild is fluxBuild, which must succeed. The path is that of the artifact, which holds what the folder manifests does.
func mustBuild(t *testing.T, path string, spec map[string]any) install {
	t.Helper()
	spec["path"] = filepath.Join("manifests", path)
	in, err := fluxBuild(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// fluxKustomizations are those of Flux that a page shows, in their order.
func fluxKustomizations(t *testing.T, name string) (specs []map[string]any) {
	t.Helper()
	for _, block := range page.Blocks(documents(t)[name], "yaml") {
		for doc := range strings.SplitSeq(block, "\n---\n") {
			var object struct {
				APIVersion string
				Kind       string
				Spec       map[string]any
			}
			if err := yaml.Unmarshal([]byte(doc), &object); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, doc)
			}
			if object.Kind == "Kustomization" && strings.HasPrefix(object.APIVersion, "kustomize.toolkit.fluxcd.io/") {
				specs = append(specs, object.Spec)
			}
		}
	}
	return specs
}

// TestFluxInstallsInTheDocuments builds what the README and docs/install.md have Flux build.
func TestFluxInstallsInTheDocuments(t *testing.T) {
	t.Parallel()
	readme, guide := fluxKustomizations(t, "README.md"), fluxKustomizations(t, "docs/install.md")
	if len(readme) != 1 || len(guide) != 2 {
		t.Fatalf("%d and %d Kustomizations are shown", len(readme), len(guide))
	}
	in := mustBuild(t, readme[0]["path"].(string), readme[0])
	if got := the[*corev1.ConfigMap](t, in, "spegel-guard-policy").Data["policy.yaml"]; !strings.Contains(got, "registry.example.ts.net") {
		t.Errorf("the policy of the README is\n%s", got)
	}
	if len(in) != len(render(t, ".")) {
		t.Errorf("the README: %d objects, want those of the default install", len(in))
	}
	if in, err := fluxBuild(t, guide[0]); err != nil || container(t, in).Image != "registry.example.com/spegel-guard:v0.1.0" {
		t.Errorf("before the first release: %v", err)
	}
	in = mustBuild(t, guide[1]["path"].(string), guide[1])
	if got := the[*corev1.ConfigMap](t, in, "spegel-guard-private-registries").Data["privateRegistries"]; !strings.Contains(got, "\n*.internal.example.com") {
		t.Errorf("the private registries are\n%s", got)
	}
}

// TestTargetNamespaceKeepsTheCertificatesNames: what spells the namespace out follows the Service, or nothing could be reviewed.
func TestTargetNamespaceKeepsTheCertificatesNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, namespace string
		components      []any
	}{
		"base and a component":  {"base", "platform", []any{"../components/cert-manager", "../components/read-secrets", "../components/daemonset"}},
		"the default install":   {".", "platform", nil},
		"the namespace it has":  {"base", "spegel-guard", []any{"../components/cert-manager"}},
		"without a certificate": {"base", "platform", []any{"../components/self-signed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := mustBuild(t, c.path, map[string]any{"targetNamespace": c.namespace, "components": c.components})
			configuration := the[*admissionregistrationv1.ValidatingWebhookConfiguration](t, in, "spegel-guard")
			for _, entry := range configuration.Webhooks {
				if got := entry.ClientConfig.Service.Namespace; got != c.namespace {
					t.Errorf("%s is called in %s", entry.Name, got)
				}
				if s := entry.NamespaceSelector; s != nil && !cmp.Equal(s.MatchExpressions[0].Values, []string{c.namespace}) {
					t.Errorf("%s leaves out %v", entry.Name, s.MatchExpressions[0].Values)
				}
			}
			if name == "without a certificate" {
				return
			}
			certificate := the[*certmanagerv1.Certificate](t, in, "spegel-guard-tls")
			if want := []string{"spegel-guard." + c.namespace + ".svc"}; certificate.Namespace != c.namespace || !cmp.Equal(certificate.Spec.DNSNames, want) {
				t.Errorf("the certificate in %s is of %v", certificate.Namespace, certificate.Spec.DNSNames)
			}
			if got := configuration.Annotations["cert-manager.io/inject-ca-from"]; got != c.namespace+"/spegel-guard-tls" {
				t.Errorf("the CA comes from %s", got)
			}
		})
	}
	in := mustBuild(t, "components/validating-admission-policy", map[string]any{"targetNamespace": "platform", "components": []any{"../daemonset-policy"}})
	for _, name := range []string{
		"spegel-guard-private-registries", "spegel-guard-warnings", "spegel-guard-daemonsets-private-registries", "spegel-guard-daemonsets-warnings",
	} {
		if got := the[*admissionregistrationv1.ValidatingAdmissionPolicyBinding](t, in, name).Spec.ParamRef.Namespace; got != "platform" {
			t.Errorf("%s looks in %s", name, got)
		}
	}
	// Pod Security of the two is not the same, so they can't share a namespace.
	spec := map[string]any{"path": "manifests/base", "targetNamespace": "platform", "components": []any{"../components/node-doctor"}}
	if _, err := fluxBuild(t, spec); err == nil {
		t.Error("webhook and node-doctor are built into one namespace")
	}
}

// A Kustomization above the unpacked manifests takes the default install, and none of the components beside it.
func TestAParentKustomizationTakesNoComponents(t *testing.T) {
	t.Parallel()
	in, err := fluxBuild(t, map[string]any{"path": "."})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(render(t, "."), in); diff != "" {
		t.Errorf("the default install differs from what the parent builds (-install +parent):\n%s", diff)
	}
}

// TestOnePlaceForThePrivateRegistries: one patch, or the replacements of the page, fill what webhook, audit, node-doctor and the
// CEL policies read.
func TestOnePlaceForThePrivateRegistries(t *testing.T) {
	t.Parallel()
	var patch map[string]any
	var own string
	for _, block := range page.Blocks(documents(t)["docs/install.md"], "yaml") {
		switch {
		case strings.Contains(block, "spegel-guard-(policy|node-policy|private-registries)"):
			if err := yaml.Unmarshal([]byte(block), &patch); err != nil {
				t.Fatal(err)
			}
		case strings.Contains(block, "fieldPath: data.privateRegistries"):
			own = strings.ReplaceAll(block, "upstream/", "../manifests/")
		}
	}
	const policy, lines = "apiVersion: spegel-guard.dev/v1alpha1\nkind: Policy\nprivateRegistries: [registry.example.ts.net, \"*.internal.example.com\"]", "registry.example.ts.net\n*.internal.example.com"
	patch["components"] = []any{"../components/cert-manager", "../components/audit", "../components/node-doctor", "../components/validating-admission-policy"}
	for name, in := range map[string]install{
		"the patch of a Flux Kustomization": mustBuild(t, "base", patch),
		"a kustomization of one's own":      build(t, own, map[string]string{"policy.yaml": policy, "privateRegistries": lines}),
	} {
		read := func(configMap, key string) string {
			return strings.TrimSpace(the[*corev1.ConfigMap](t, in, configMap).Data[key])
		}
		got := map[string]string{
			"webhook":     read(mounted(t, the[*appsv1.Deployment](t, in, "spegel-guard").Spec.Template.Spec), "policy.yaml"),
			"audit":       read(mounted(t, auditJob(t, in).JobTemplate.Spec.Template.Spec), "policy.yaml"),
			"node-doctor": read(mounted(t, the[*appsv1.DaemonSet](t, in, "spegel-guard-node-doctor").Spec.Template.Spec), "policy.yaml"),
			"CEL":         read(the[*admissionregistrationv1.ValidatingAdmissionPolicyBinding](t, in, "spegel-guard-private-registries").Spec.ParamRef.Name, "privateRegistries"),
		}
		want := map[string]string{"webhook": policy, "audit": policy, "node-doctor": policy, "CEL": lines}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// mounted is the ConfigMap that a pod has its policy from.
func mounted(t *testing.T, pod corev1.PodSpec) string {
	t.Helper()
	for _, v := range pod.Volumes {
		if v.Name == "policy" {
			return v.ConfigMap.Name
		}
	}
	t.Fatal("no policy is mounted")
	return ""
}
