package monitoring_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/spegel-guard/spegel-guard/test/e2e/cluster"
)

// component is the base with components/monitoring.
type component struct {
	alerts []alert
	panels []panel
	target map[string]string // the labels of every replica, except pod and instance
	node   map[string]string // the labels of a pod of components/node-doctor
}

type alert struct {
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

type panel struct {
	Title   string
	Targets []struct{ Expr, LegendFormat string }
}

// load renders the component as an install of one's own would.
func load(t *testing.T) component {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	objects, err := cluster.RenderComponents(filepath.Join(root, "manifests"), "monitoring")
	if err != nil {
		t.Fatal(err)
	}
	var c component
	var rules struct {
		Spec struct{ Groups []struct{ Rules []alert } }
	}
	into(t, one(t, objects.OfKind("PrometheusRule")), &rules)
	for _, group := range rules.Spec.Groups {
		c.alerts = append(c.alerts, group.Rules...)
	}
	for _, object := range objects.OfKind("ConfigMap") {
		if object.GetLabels()["grafana_dashboard"] == "" {
			continue
		}
		var dashboard struct{ Panels []panel }
		content, _, _ := unstructured.NestedString(object.Object, "data", "spegel-guard.json")
		if err := json.Unmarshal([]byte(content), &dashboard); err != nil {
			t.Fatal(err)
		}
		c.panels = dashboard.Panels
	}
	c.target = targetLabels(t, objects)
	monitor := one(t, objects.OfKind("PodMonitor"))
	c.node = map[string]string{"job": monitor.GetNamespace() + "/" + monitor.GetName(), "namespace": "spegel-guard-nodes", "pod": "node-doctor-0", "node": "node-1", "instance": "192.0.2.1:8080"}
	return c
}

// targetLabels are those that the Prometheus operator gives to the targets of a ServiceMonitor.
func targetLabels(t *testing.T, objects cluster.Manifests) map[string]string {
	t.Helper()
	var monitor struct {
		Spec struct {
			Selector  struct{ MatchLabels map[string]string }
			Endpoints []struct{ Port string }
		}
	}
	into(t, one(t, objects.OfKind("ServiceMonitor")), &monitor)
	var services cluster.Manifests
	for _, service := range objects.OfKind("Service") {
		if labels.SelectorFromSet(monitor.Spec.Selector.MatchLabels).Matches(labels.Set(service.GetLabels())) {
			services = append(services, service)
		}
	}
	var service corev1.Service
	into(t, one(t, services), &service)
	deployment, err := objects.Deployment()
	if err != nil {
		t.Fatal(err)
	}
	port := monitor.Spec.Endpoints[0].Port
	for _, p := range service.Spec.Ports {
		if p.Name == port {
			return map[string]string{
				"job": service.Name, "service": service.Name, "namespace": service.Namespace, "endpoint": port,
				"container": deployment.Spec.Template.Spec.Containers[0].Name,
			}
		}
	}
	t.Fatalf("the Service has no port %q", port)
	return nil
}

func one(t *testing.T, objects cluster.Manifests) *unstructured.Unstructured {
	t.Helper()
	if len(objects) != 1 {
		t.Fatalf("%d objects, want 1", len(objects))
	}
	return objects[0]
}

func into(t *testing.T, object *unstructured.Unstructured, to any) {
	t.Helper()
	text, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// holds is for how long an expression has to be true before the alert fires.
func (a alert) holds(t *testing.T) time.Duration {
	t.Helper()
	if a.For == "" {
		return 0
	}
	d, err := time.ParseDuration(a.For)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
