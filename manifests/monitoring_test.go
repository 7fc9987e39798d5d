package manifests_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// alert is one of the PrometheusRule.
type alert struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T, in install) []alert {
	t.Helper()
	var rule struct {
		Kind string
		Spec struct{ Groups []struct{ Rules []alert } }
	}
	for _, object := range in {
		if u, ok := object.(*unstructured.Unstructured); ok && u.GetKind() == "PrometheusRule" {
			text, err := yaml.Marshal(u.Object)
			if err == nil {
				err = yaml.Unmarshal(text, &rule)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var all []alert
	for _, group := range rule.Spec.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// Whoever is woken finds a section in docs/operations.md, and whoever reads it an alert: neither without the other.
func TestEachAlertHasASectionOfTheOperationsGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.Open(path.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = guide.Close() }()
	sections := map[string]bool{}
	for lines := bufio.NewScanner(guide); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "### SpegelGuard"); ok {
			sections["SpegelGuard"+name] = true
		}
	}
	fired := map[string]bool{}
	for _, a := range alerts(t, render(t, "base", "monitoring")) {
		fired[a.Alert] = true
		want := "https://github.com/spegel-guard/spegel-guard/blob/main/docs/operations.md#" + strings.ToLower(a.Alert)
		if got := a.Annotations["runbook_url"]; got != want {
			t.Errorf("%s: runbook_url is %q, want %q", a.Alert, got, want)
		}
		for _, name := range []string{"summary", "description"} {
			if a.Annotations[name] == "" {
				t.Errorf("%s has no %s", a.Alert, name)
			}
		}
		if s := a.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity is %q", a.Alert, s)
		}
	}
	if diff := cmp.Diff(fired, sections); diff != "" || len(fired) == 0 {
		t.Errorf("alerts and sections (-alerts +sections):\n%s", diff)
	}
}

// nodeDoctorJob is what the Prometheus operator calls the job of the PodMonitor for node-doctor.
const nodeDoctorJob = "spegel-guard/" + nodeDoctorName

// The expressions name what other manifests decide: a change there must not leave alerts behind that never fire.
func TestExpressionsNameWhatIsInstalled(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "monitoring")
	expressions := map[string]string{}
	for _, a := range alerts(t, in) {
		expressions[a.Alert] = a.Expr
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	content := the[*corev1.ConfigMap](t, in, "spegel-guard-dashboard").Data["spegel-guard.json"]
	if err := json.Unmarshal([]byte(content), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			expressions[p.Title+": "+target.Expr] = target.Expr
		}
	}
	matcher := regexp.MustCompile(`[{,](job|name)=(~?)"([^"]*)"`)
	for name, expression := range expressions {
		found := matcher.FindAllStringSubmatch(expression, -1)
		if len(found) == 0 {
			t.Errorf("%s: picks neither job nor webhook", name)
		}
		for _, match := range found {
			want := []string{service(t, in).Name}
			switch {
			case strings.Contains(expression, "spegel_guard_doctor_"):
				want = []string{nodeDoctorJob}
			case match[1] == "name":
				want = slices.Collect(maps.Keys(entries(t, render(t, "base", "read-secrets", "daemonset"))))
			}
			for _, want := range want {
				if match[2] == "" && match[3] != want || !regexp.MustCompile("^(?:"+match[3]+")$").MatchString(want) {
					t.Errorf("%s: %s is %q, want %q", name, match[1], match[3], want)
				}
			}
		}
	}
}

// Grafana's sidecar finds the dashboard by a label, and the ServiceMonitor the Service by one and a port by its name.
func TestMonitoringFindsWhatItNames(t *testing.T) {
	t.Parallel()
	in := render(t, "base", "monitoring")
	if the[*corev1.ConfigMap](t, in, "spegel-guard-dashboard").Labels["grafana_dashboard"] != "1" {
		t.Error("the dashboard has no label grafana_dashboard")
	}
	monitor := the[*unstructured.Unstructured](t, onlyKind(in, "ServiceMonitor"), "spegel-guard")
	selector, _, _ := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
	for name, value := range selector {
		if service(t, in).Labels[name] != value {
			t.Errorf("the Service has no label %s: %s", name, value)
		}
	}
	endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
	if len(selector) == 0 || len(endpoints) != 1 {
		t.Fatalf("selector %v, endpoints %v", selector, endpoints)
	}
	port, _ := endpoints[0].(map[string]any)["port"].(string)
	servicePort(t, in, 0, port)
}

func onlyKind(in install, kind string) install {
	var found install
	for _, object := range in {
		if object.GetObjectKind().GroupVersionKind().Kind == kind {
			found = append(found, object)
		}
	}
	return found
}
