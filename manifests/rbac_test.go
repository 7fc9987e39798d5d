package manifests_test

import (
	"slices"
	"strings"
	"testing"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// resourceOf is the name by which the API server serves a kind.
func resourceOf(kind string) string {
	resource, _ := meta.UnsafeGuessKindToResource(schema.GroupVersionKind{Kind: kind})
	return resource.Resource
}

// basePermissions is all that a review may need, ConfigMaps that values come from and the sources of a chartRef, and what
// readiness looks at.
func basePermissions() []string {
	return []string{
		"get configmaps",
		"get " + resourceOf(sourcev1.HelmChartKind) + "." + sourcev1.GroupVersion.Group,
		"get " + resourceOf(sourcev1.OCIRepositoryKind) + "." + sourcev1.GroupVersion.Group,
		"get validatingwebhookconfigurations.admissionregistration.k8s.io named spegel-guard",
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
		"the base reads ConfigMaps and sources by name, and nothing else": {
			nil, basePermissions(),
		},
		"cert-manager, match-all and the CEL twin add nothing": {
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

// permissions lists what the account of the pods may do, sorted, as "verb resource.group", with the names and the
// namespace that it is limited to.
func permissions(t *testing.T, in install) []string {
	t.Helper()
	account := rbacv1.Subject{
		Kind:      rbacv1.ServiceAccountKind,
		Name:      deployment(t, in).Spec.Template.Spec.ServiceAccountName,
		Namespace: deployment(t, in).Namespace,
	}
	var found []string
	for _, object := range in {
		switch binding := object.(type) {
		case *rbacv1.RoleBinding:
			if diff := cmp.Diff([]rbacv1.Subject{account}, binding.Subjects); diff != "" || binding.RoleRef.Kind != "Role" {
				t.Errorf("%s binds somebody else, or a %s (-want +got):\n%s", binding.Name, binding.RoleRef.Kind, diff)
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
			if diff := cmp.Diff([]rbacv1.Subject{account}, binding.Subjects); diff != "" {
				t.Errorf("%s binds somebody else (-want +got):\n%s", binding.Name, diff)
			}
			for _, rule := range the[*rbacv1.ClusterRole](t, in, binding.RoleRef.Name).Rules {
				found = append(found, flatten(rule)...)
			}
		}
	}
	slices.Sort(found)
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
