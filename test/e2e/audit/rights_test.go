package audit_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// asked reads the API server's audit log: every right of the component was used, nothing was refused but a Secret, what
// was meant for a namespace that is being deleted, and whether a namespace exists that holds no release, and nothing else was
// asked for.
func asked(t *testing.T) {
	all, err := shared.AuditEvents()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		if e.User.Username != auditor {
			continue
		}
		if e.ObjectRef == nil {
			t.Fatalf("it asked for %s %s", e.Verb, e.RequestURI)
		}
		request := e.Verb + " " + e.ObjectRef.Resource
		if e.ResponseStatus.Code == 403 {
			request += ", refused"
		}
		if !slices.Contains(got, request) {
			got = append(got, request)
		}
	}
	slices.Sort(got)
	want := []string{
		"create events", "create events, refused", "create policyreports", "create policyreports, refused", "delete policyreports", "get configmaps", "get namespaces, refused", "get ocirepositories", "get secrets, refused",
		"list controllerrevisions", "list daemonsets", "list helmreleases", "list pods", "list policyreports", "update policyreports",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it asked for\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestMissingPermissions: an account without the right to list all releases is told what to do, and one with rights to
// one namespace gets the verdict of its values.
func TestMissingPermissions(t *testing.T) {
	const role = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: audit, namespace: rights}
rules: [{apiGroups: [helm.toolkit.fluxcd.io], resources: [helmreleases], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: audit, namespace: rights}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: audit}
subjects: [{kind: ServiceAccount, name: nobody, namespace: rights}]
`
	apply(t, releaseIn("rights", goodValues)+role)
	t.Cleanup(func() { tidyUp(t, []string{"rights"}) })
	nobody, err := shared.ServiceAccountKubeconfig("rights", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	r := webhookAs(t, nobody, "audit")
	if r.code != 2 || r.stdout != "" || !strings.HasPrefix(r.stderr, "spegel-guard: HelmReleases may not be listed in all namespaces; use --namespace to audit one: ") {
		t.Errorf("%+v", r)
	}
	r = webhookAs(t, nobody, "audit", "--namespace=rights")
	if r.code != 0 || !strings.Contains(r.stdout, "warn rights/spegel") || !strings.Contains(r.stdout, "because DaemonSets may not be listed; its values are still judged [cluster-not-seen]") {
		t.Errorf("%+v", r)
	}
	r = webhookAs(t, nobody, "audit", "--namespace=rights", "--events")
	if r.code != 2 || !strings.Contains(r.stderr, "write an Event about rights/spegel: ") || !strings.Contains(r.stdout, "rights/spegel") {
		t.Errorf("with no right to write Events: %+v", r)
	}
}

// TestNoHelmReleases: a cluster without Flux. It is the last test, as it makes one of the cluster that all share.
func TestNoHelmReleases(t *testing.T) {
	kubectl(t, "", "delete", "customresourcedefinition", "helmreleases.helm.toolkit.fluxcd.io")
	r := webhook(t, "audit")
	if r.code != 2 || r.stdout != "" || !strings.HasPrefix(r.stderr, "spegel-guard: the API server has no HelmReleases of helm.toolkit.fluxcd.io/v2; is Flux 2.3 or newer installed?") {
		t.Errorf("%+v", r)
	}
}
