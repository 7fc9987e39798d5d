package manifests_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/spegel-guard/spegel-guard/pkg/cli"
)

// A name that differs from the program's default, and no certificate is ever made, or no API server ever trusts it.
func TestSelfSignedFitsProgram(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "self-signed")
	called := entry(t, in, failsClosed).ClientConfig.Service
	secret := the[*corev1.Secret](t, in, serveDefault(t, "self-signed-secret"))
	tests := map[string]struct{ got, want any }{
		"the program makes its certificate": {slices.Contains(container(t, in).Args, "--self-signed"), true},
		"it reads none from files": {
			slices.ContainsFunc(container(t, in).Args, func(arg string) bool { return strings.HasPrefix(arg, "--cert-dir") }), false,
		},
		"nothing of a certificate is mounted": {
			[]int{len(container(t, in).VolumeMounts), len(deployment(t, in).Spec.Template.Spec.Volumes)}, []int{1, 1},
		},
		"the Secret is empty": {[]int{len(secret.Data), len(secret.StringData)}, []int{0, 0}},
		"the Secret, the pods and the Service share a namespace": {
			[]string{secret.Namespace, deployment(t, in).Namespace}, []string{called.Namespace, called.Namespace},
		},
		"the program knows its namespace": {fromPod(t, in, "POD_NAMESPACE").FieldRef.FieldPath, "metadata.namespace"},
		"the name that the API server calls is the one in the certificate": {
			called.Name + "." + called.Namespace + ".svc", "spegel-guard." + serveDefault(t, "namespace") + ".svc",
		},
		"the webhook configuration is the one that the program looks after": {
			"spegel-guard", serveDefault(t, "webhook-configuration"),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// With self-signed, a cluster needs nothing that does not come with Kubernetes.
func TestSelfSignedNeedsNoOtherAPI(t *testing.T) {
	t.Parallel()
	for _, object := range render(t, "base", "self-signed", "match-all", "read-secrets", "daemonset", "metrics-secure") {
		if kind := object.GetObjectKind().GroupVersionKind(); !scheme.Scheme.Recognizes(kind) {
			t.Errorf("%s is no kind of Kubernetes'", kind)
		}
	}
}

func TestMetricsSecureTellsTheProgram(t *testing.T) {
	t.Parallel()
	if args := container(t, render(t, "base", "metrics-secure")).Args; !slices.Contains(args, "--metrics-secure") {
		t.Errorf("arguments: %q", args)
	}
}

// serveDefault is what "spegel-guard serve --help" says that a flag is by itself.
func serveDefault(t *testing.T, flag string) string {
	t.Helper()
	var help strings.Builder
	cli.Run(t.Context(), []string{"serve", "--help"}, strings.NewReader(""), &help, &help)
	for line := range strings.Lines(help.String()) {
		if strings.Contains(line, "--"+flag+" ") {
			_, rest, _ := strings.Cut(line, `(default "`)
			value, _, found := strings.Cut(rest, `"`)
			if found {
				return value
			}
		}
	}
	t.Fatalf("no default of --%s in:\n%s", flag, help.String())
	return ""
}

// fromPod is where a variable of the container comes from.
func fromPod(t *testing.T, in install, name string) *corev1.EnvVarSource {
	t.Helper()
	for _, env := range container(t, in).Env {
		if env.Name == name && env.ValueFrom != nil {
			return env.ValueFrom
		}
	}
	t.Fatalf("the container has no variable %s from the pod", name)
	return nil
}
