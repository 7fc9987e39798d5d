package manifests_test

import (
	"slices"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// resourceOf is the name by which the API server serves a kind.
func resourceOf(kind string) string {
	resource, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
	return resource.Resource
}

// basePermissions is all that a review may need, ConfigMaps that values come from, the sources of a chartRef and the releases
// that name a ConfigMap, and what readiness looks at.
func basePermissions() []string {
	return []string{
		"get configmaps",
		"get " + resourceOf(sourcev1.HelmChartKind) + "." + sourcev1.GroupVersion.Group,
		"get " + resourceOf(sourcev1.OCIRepositoryKind) + "." + sourcev1.GroupVersion.Group,
		"get validatingwebhookconfigurations.admissionregistration.k8s.io named spegel-guard",
		"list " + resourceOf(helmv2.HelmReleaseKind) + "." + helmv2.GroupVersion.Group,
	}
}

// allow is the base's permissions and these, sorted.
func allow(more ...string) []string {
	return slices.Sorted(slices.Values(append(basePermissions(), more...)))
}

// What the program asks for, and not one verb more.
func TestPermissions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		components []string
		want       []string
	}{
		"the base reads ConfigMaps and sources by name, lists releases, and nothing else": {
			nil, basePermissions(),
		},
		"cert-manager, match-all and the CEL policies add nothing": {
			[]string{"cert-manager", "match-all", "validating-admission-policy"}, basePermissions(),
		},
		"read-secrets adds Secrets by name": {
			[]string{"read-secrets"}, allow("get secrets"),
		},
		"self-signed adds one Secret, and the caBundle of one configuration": {
			[]string{"self-signed"}, allow(
				"get secrets named spegel-guard-self-signed in spegel-guard",
				"update secrets named spegel-guard-self-signed in spegel-guard",
				"patch validatingwebhookconfigurations.admissionregistration.k8s.io named spegel-guard",
			),
		},
		"metrics-secure adds questions about tokens, and gives nobody the metrics": {
			[]string{"metrics-secure"}, allow(
				"create tokenreviews.authentication.k8s.io",
				"create subjectaccessreviews.authorization.k8s.io",
			),
		},
		"audit adds nothing to what the webhook may": {
			[]string{"audit"}, basePermissions(),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, permissions(t, render(t, "base", test.components...))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// permissions lists what the account of the webhook's pods may do, sorted, as "verb resource.group", with the names and
// the namespace that it is limited to.
func permissions(t *testing.T, in install) []string {
	t.Helper()
	return permissionsOf(t, in, deployment(t, in).Namespace, deployment(t, in).Spec.Template.Spec.ServiceAccountName)
}

// permissionsOf lists what an account of the install may do. Each binding has one subject, which must be such an account.
func permissionsOf(t *testing.T, in install, namespace, name string) []string {
	t.Helper()
	account := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: namespace}
	var found []string
	for _, object := range in {
		switch binding := object.(type) {
		case *rbacv1.RoleBinding:
			if len(binding.Subjects) != 1 || binding.Subjects[0].Kind != account.Kind || binding.RoleRef.Kind != "Role" {
				t.Fatalf("%s binds %v to a %s, want one ServiceAccount and a Role", binding.Name, binding.Subjects, binding.RoleRef.Kind)
			}
			if binding.Subjects[0] != account {
				the[*corev1.ServiceAccount](t, in, binding.Subjects[0].Name)
				continue
			}
			role := the[*rbacv1.Role](t, in, binding.RoleRef.Name)
			if role.Namespace != binding.Namespace {
				t.Errorf("%s is in namespace %q, its role in %q", binding.Name, binding.Namespace, role.Namespace)
			}
			for _, rule := range role.Rules {
				for _, permission := range flatten(rule) {
					found = append(found, permission+" in "+role.Namespace)
				}
			}
		case *rbacv1.ClusterRoleBinding:
			if len(binding.Subjects) != 1 || binding.Subjects[0].Kind != account.Kind {
				t.Fatalf("%s binds %v, want one ServiceAccount", binding.Name, binding.Subjects)
			}
			bound := the[*corev1.ServiceAccount](t, in, binding.Subjects[0].Name)
			if bound.Namespace != binding.Subjects[0].Namespace {
				t.Errorf("%s binds an account that the install does not have: %v", binding.Name, binding.Subjects)
			}
			if binding.Subjects[0] == account {
				found = append(found, granted(in, binding)...)
			}
		}
	}
	slices.Sort(found)
	return found
}

// granted lists what a binding grants: nothing if its role is not there.
func granted(in install, binding *rbacv1.ClusterRoleBinding) []string {
	var found []string
	for _, object := range in {
		if role, ok := object.(*rbacv1.ClusterRole); ok && role.Name == binding.RoleRef.Name {
			for _, rule := range role.Rules {
				found = append(found, flatten(rule)...)
			}
		}
	}
	return found
}

func flatten(rule rbacv1.PolicyRule) []string {
	var flat []string
	for _, verb := range rule.Verbs {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				flat = append(flat, strings.TrimSuffix(verb+" "+resource+"."+group, ".")+named(rule.ResourceNames))
			}
		}
		for _, url := range rule.NonResourceURLs {
			flat = append(flat, verb+" "+url)
		}
	}
	return flat
}

func named(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " named " + strings.Join(names, ",")
}
