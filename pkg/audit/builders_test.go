package audit_test

import (
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/spegel-guard/spegel-guard/pkg/audit"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

// cluster serves the objects of a YAML stream.
func cluster(t *testing.T, funcs interceptor.Funcs, manifests ...string) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{helmv2.AddToScheme, sourcev1.AddToScheme, appsv1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []client.Object
	for _, manifest := range manifests {
		for doc := range strings.SplitSeq(manifest, "---\n") {
			o, _, err := decoder.Decode([]byte(doc), nil, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, doc)
			}
			objects = append(objects, o.(client.Object))
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(funcs).Build()
}

func run(t *testing.T, c client.Client, namespace string) *audit.Result {
	t.Helper()
	pol, err := policy.Load("", []string{"harbor.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	res, err := audit.Run(t.Context(), audit.Options{Reader: c, Namespace: namespace, Charts: pol.Charts, Policy: pol.Policy})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// releaseOf is HelmRelease kube-system/spegel with more in its spec.
func releaseOf(more string) string {
	return `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: spegel, namespace: kube-system, uid: uid-release}
spec:
  interval: 1h
  chart: {spec: {chart: spegel, version: 0.7.4, sourceRef: {kind: HelmRepository, name: spegel}}}
` + more
}

const values = "  values: {spegel: {mirroredRegistries: [https://docker.io, https://ghcr.io]}}\n"

// daemonSetOf is what helm-controller makes of that release, on three nodes, with these mirrors.
func daemonSetOf(mirrors ...string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: spegel
  namespace: kube-system
  uid: uid-spegel
  generation: 2
  labels: {helm.toolkit.fluxcd.io/name: spegel, helm.toolkit.fluxcd.io/namespace: kube-system}
  annotations: {meta.helm.sh/release-name: spegel, meta.helm.sh/release-namespace: kube-system}
spec:
  selector: {matchLabels: {app: spegel}}
  template:
    metadata: {labels: {app: spegel}}
    spec: %s
status: {observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 3, currentNumberScheduled: 3, numberMisscheduled: 0}
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: spegel-new, namespace: kube-system, labels: {app: spegel, controller-revision-hash: new}, ownerReferences: [%s]}
revision: 2
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: spegel-old, namespace: kube-system, labels: {app: spegel, controller-revision-hash: old}, ownerReferences: [%[2]s]}
revision: 1
`, podSpec(mirrors), owner)
}

const owner = "{apiVersion: apps/v1, kind: DaemonSet, name: spegel, uid: uid-spegel, controller: true}"

func podSpec(mirrors []string) string {
	args := []string{"configuration", "--mirror-targets=http://a"}
	if len(mirrors) > 0 {
		args = append(args, append([]string{"--mirrored-registries"}, mirrors...)...)
	}
	return fmt.Sprintf("{initContainers: [{name: configuration, image: i, args: [%s]}], containers: [{name: registry, image: i, args: [registry, \"--router-addr=:5001\"]}]}",
		`"`+strings.Join(args, `", "`)+`"`)
}

// podOf is a pod of that DaemonSet on a node.
func podOf(node, hash string, initialized bool, mirrors ...string) string {
	spec := strings.Replace(podSpec(mirrors), "{initContainers", "{nodeName: "+node+", initContainers", 1)
	status := "False"
	if initialized {
		status = "True"
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: spegel-%[1]s, namespace: kube-system, labels: {app: spegel, controller-revision-hash: %[2]s}, ownerReferences: [%[3]s]}
spec: %[4]s
status: {conditions: [{type: Initialized, status: "%[5]s"}]}
`, node, hash, owner, spec, status)
}
