package manifests_test

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// guide reads a page of docs.
func guide(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A command in the guide is copied in a hurry: what it names must be what is installed.
func TestTheOperationsGuideNamesObjectsThatExist(t *testing.T) {
	t.Parallel()
	installed := map[string]bool{"kustomization spegel-guard": true} // Flux's, from docs/install.md
	for _, object := range append(render(t, "base", "cert-manager", "monitoring"), render(t, "base", "self-signed")...) {
		installed[strings.ToLower(object.GetObjectKind().GroupVersionKind().Kind)+" "+object.GetName()] = true
		if certificate, ok := object.(*certmanagerv1.Certificate); ok {
			installed["secret "+certificate.Spec.SecretName] = true
		}
	}
	text := guide(t, "operations.md")
	named := regexp.MustCompile("(?i)(deployment|secret|configmap|certificate|validatingwebhookconfiguration|networkpolicy|servicemonitor|kustomization|service)"+
		"[ /]`?\"?(spegel-guard[a-z-]*)").FindAllStringSubmatch(text, -1)
	if len(named) < 10 {
		t.Errorf("only %d objects are named", len(named))
	}
	for _, match := range named {
		if object := strings.ToLower(match[1]) + " " + match[2]; !installed[object] {
			t.Errorf("there is no %s", object)
		}
	}
	for _, match := range regexp.MustCompile(`kubectl -n (\S+)`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains([]string{deployment(t, render(t, ".")).Namespace, "flux-system", "spegel-guard-nodes"}, match[1]) {
			t.Errorf("namespace %s is none of ours", match[1])
		}
	}
}

// A binding that is left refuses on, so the commands name all of them.
func TestTheGuideTakesAwayEveryBinding(t *testing.T) {
	t.Parallel()
	for component, pages := range map[string][]string{
		"validating-admission-policy": {"operations.md"}, "daemonset-policy": {"operations.md", "daemonset.md"},
	} {
		words := []string{"\n$ kubectl delete validatingadmissionpolicybinding"}
		for _, object := range buildFolder(t, "/manifests/components/"+component, "", nil) {
			if object.GetObjectKind().GroupVersionKind().Kind == "ValidatingAdmissionPolicyBinding" {
				words = append(words, object.GetName())
			}
		}
		command := strings.Join(words, " ") + "\n"
		for _, page := range pages {
			if got := strings.Count(guide(t, page), command); got != 1 {
				t.Errorf("%s has %q %d times, want it once", page, command, got)
			}
		}
	}
}

// People search for the words that they see. These are Go's own, and the API server is a Go program.
func TestTheOperationsGuideQuotesTheErrorsOfTLS(t *testing.T) {
	t.Parallel()
	text := guide(t, "operations.md")
	name := webhookHost(t)
	for _, err := range []error{
		x509.UnknownAuthorityError{},
		x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"X"}}, Host: name},
		x509.CertificateInvalidError{Reason: x509.Expired},
	} {
		want := strings.TrimSuffix(err.Error(), ": ")
		if !strings.Contains(text, "`"+want+"`") {
			t.Errorf("the guide does not quote %q", want)
		}
	}
	if !strings.Contains(text, entry(t, render(t, "."), failsClosed).Name) {
		t.Error("the guide does not name the webhook as the API server does")
	}
}

// webhookHost is the name that the API server asks the certificate for.
func webhookHost(t *testing.T) string {
	t.Helper()
	to := entry(t, render(t, "."), failsClosed).ClientConfig.Service
	return to.Name + "." + to.Namespace + ".svc"
}

// The threat model claims no more than a test shows.
func TestTheThreatModelNamesTestsAndFilesThatExist(t *testing.T) {
	t.Parallel()
	text := guide(t, "threat-model.md")
	declared := tests(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(text, -1)
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, match := range named {
		if !slices.Contains(declared, match[1]) {
			t.Errorf("there is no %s", match[1])
		}
	}
	for _, match := range regexp.MustCompile(`\]\((\.\./[^)#]+)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(path.Join("..", "docs", match[1])); err != nil {
			t.Error(err)
		}
	}
}

// tests are the names of all tests and fuzz targets of the repository.
func tests(t *testing.T) []string {
	t.Helper()
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9]+)\(`)
	var names []string
	for _, dir := range []string{"../pkg", "../manifests", "../test", "../cmd"} {
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(name)
			for _, match := range declaration.FindAllStringSubmatch(string(text), -1) {
				names = append(names, match[1])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// What the guide says of a renamed namespace: kustomize follows with all but the names in the certificate and the annotation.
func TestNamespaceIsNotRewrittenInCertificateAndAnnotation(t *testing.T) {
	t.Parallel()
	in := build(t, "namespace: platform\n"+kustomizationOf("base", "cert-manager"), nil)
	configuration := the[*admissionregistrationv1.ValidatingWebhookConfiguration](t, in, "spegel-guard")
	if got := configuration.Webhooks[0].ClientConfig.Service.Namespace; got != "platform" {
		t.Errorf("the webhook is called in %s", got)
	}
	if got := configuration.Annotations["cert-manager.io/inject-ca-from"]; got != "spegel-guard/spegel-guard-tls" {
		t.Errorf("the annotation is %s", got)
	}
	certificate := the[*certmanagerv1.Certificate](t, in, "spegel-guard-tls")
	if got := certificate.Spec.DNSNames[0]; certificate.Namespace != "platform" || got != "spegel-guard.spegel-guard.svc" {
		t.Errorf("the certificate in %s is of %s", certificate.Namespace, got)
	}
}
