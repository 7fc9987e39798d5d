package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// webhookUser is who the webhook is for the API server.
const webhookUser = "system:serviceaccount:spegel-guard:spegel-guard"

// TestWhatTheWebhookReads reads the API server's audit log: the webhook has asked for nothing but single
// objects that the releases of these tests name, and for the HelmReleases of one namespace. It runs after the corpus, and once more after all
// tests.
func TestWhatTheWebhookReads(t *testing.T) {
	asked, err := webhookRequests()
	if err != nil {
		t.Fatal(err)
	}
	if len(asked) == 0 {
		t.Error("the webhook has asked for nothing; the corpus should have made it read")
	}
}

// webhookRequests lists what the webhook has asked the API server for, as VERB RESOURCE NAME. It is an
// error if a request is none that it may make.
func webhookRequests() ([]string, error) {
	names, err := namedObjects()
	if err != nil {
		return nil, err
	}
	events, err := shared.AuditEvents()
	if err != nil {
		return nil, err
	}
	resources := []string{"configmaps", "secrets", "ocirepositories", "helmcharts"}
	var asked []string
	for _, e := range events {
		if e.User.Username != webhookUser {
			continue
		}
		if e.ObjectRef == nil {
			return nil, fmt.Errorf("the webhook asked for %s %s", e.Verb, e.RequestURI)
		}
		request := e.Verb + " " + e.ObjectRef.Resource + " " + e.ObjectRef.Name
		if request == "get validatingwebhookconfigurations spegel-guard" {
			continue // readiness looks at what the API server trusts
		}
		if request == "list helmreleases " && e.ObjectRef.Namespace != "" && e.ResponseStatus.Code != 403 { // one for which time ran out has another
			continue
		}
		named := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(e.ObjectRef.Name, n) })
		switch {
		case e.Verb != "get" || !slices.Contains(resources, e.ObjectRef.Resource) || !named:
			return nil, fmt.Errorf("the webhook asked for %s in namespace %s", request, e.ObjectRef.Namespace)
		case e.ObjectRef.Resource == "secrets" && e.ObjectRef.Namespace != secretsNamespace && e.ResponseStatus.Code != 403:
			return nil, fmt.Errorf("the webhook may read secrets in the default install: %s answered %d", request, e.ResponseStatus.Code)
		}
		asked = append(asked, request)
	}
	return asked, nil
}

// namedObjects lists the names that the releases of the tests refer to; a generated name starts with one.
func namedObjects() ([]string, error) {
	names := []string{"spegel", "spegel-values", "values", "mirror", "another"} // mirror is a chartRef of generated releases
	cases, err := parity.Cases()
	for _, c := range cases {
		for _, obj := range c.Objects {
			names = append(names, obj.GetName())
		}
	}
	return names, err
}
