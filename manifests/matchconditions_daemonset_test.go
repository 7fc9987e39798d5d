package manifests_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// running is a DaemonSet with these containers.
func running(init, main []corev1.Container) *appsv1.DaemonSet {
	ds := &appsv1.DaemonSet{}
	ds.Namespace, ds.Name = "default", "app"
	ds.Spec.Template.Spec.InitContainers, ds.Spec.Template.Spec.Containers = init, main
	return ds
}

func containers(c ...corev1.Container) []corev1.Container { return c }

func args(args ...string) corev1.Container { return corev1.Container{Name: "a", Args: args} }

func command(command ...string) corev1.Container {
	return corev1.Container{Name: "a", Command: command}
}

func TestMatchConditionsOfDaemonSets(t *testing.T) {
	t.Parallel()
	matcher := compile(entry(t, render(t, "base", "daemonset"), daemonSets))
	spegels := running(containers(args("configuration", "--mirror-targets=http://a")), containers(args("registry", "--router-addr=:5001")))
	restarted, labelled, deleting, onDelete, grown := spegels.DeepCopy(), spegels.DeepCopy(), spegels.DeepCopy(), spegels.DeepCopy(), spegels.DeepCopy()
	restarted.Spec.Template.Annotations = map[string]string{"kubectl.kubernetes.io/restartedAt": "now"}
	labelled.Labels = map[string]string{"a": "b"}
	labelled.Status.NumberReady = 1
	onDelete.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
	deleting.DeletionTimestamp = new(metav1.Now())
	for i := range 10_000 {
		grown.Spec.Template.Spec.InitContainers[0].Args = append(grown.Spec.Template.Spec.InitContainers[0].Args, fmt.Sprintf("https://r%d.example.com", i))
	}
	others := running(nil, containers(args("--listen=:80"), command("/agent", "registry-sync")))
	many := func(n int) *appsv1.DaemonSet { return running(nil, make([]corev1.Container, n)) }
	words := running(nil, containers(args(make([]string, mebibyte)...))) // of 3 bytes each in the request, which has 3 MiB
	tests := map[string]struct {
		ds, old *appsv1.DaemonSet
		called  bool
	}{
		"Spegel's":                       {ds: spegels, called: true},
		"an init container":              {ds: running(containers(args("configuration")), nil), called: true},
		"a container":                    {ds: running(nil, containers(args("x"), args("registry"))), called: true},
		"a command with a subcommand":    {ds: running(nil, containers(command("/spegel", "registry"))), called: true},
		"a flag before the subcommand":   {ds: running(nil, containers(args("--log-level=DEBUG", "registry"))), called: true},
		"arguments after a command":      {ds: running(nil, containers(corev1.Container{Command: []string{"/tini", "--"}, Args: []string{"/spegel", "registry"}})), called: true},
		"another template":               {ds: grown, old: spegels, called: true},
		"a restart":                      {ds: restarted, old: spegels, called: true},
		"Spegel's in place of another's": {ds: spegels, old: others, called: true},
		"501 containers":                 {ds: many(501), called: true},
		"10,000 containers":              {ds: many(10_000), called: true},
		"a label and a status":           {ds: labelled, old: spegels},
		"another update strategy":        {ds: onDelete, old: spegels},
		"one that is being deleted":      {ds: deleting, old: grown},
		"another's":                      {ds: others},
		"another's in place of Spegel's": {ds: others, old: spegels},
		"a program without arguments":    {ds: running(nil, containers(command("/registry")))},
		"no container":                   {ds: running(nil, nil)},
		"500 containers":                 {ds: many(500), old: others},
		"a million arguments":            {ds: words, old: others},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := matchDaemonSet(t.Context(), matcher, test.ds, test.old); got.Error != nil || got.Matches != test.called {
				t.Errorf("called %v (error %v), want %v", got.Matches, got.Error, test.called)
			}
		})
	}
}

// Whatever the webhook takes for Spegel's is sent to it, and no shape of a DaemonSet makes an expression fail: that would skip it
// in silence.
func TestMatchConditionsOfDaemonSetsSendWhatIsSpegels(t *testing.T) {
	t.Parallel()
	matcher := compile(entry(t, render(t, "base", "daemonset"), daemonSets))
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"", "configuration", "registry", "/spegel", "--router-addr=:5001", "--mirror-targets", "http://a", "$(A)", "--mirrored-registries"}
	line := func() (line []string) {
		for range random.IntN(5) {
			line = append(line, words[random.IntN(len(words))])
		}
		return line
	}
	some := func() (all []corev1.Container) {
		for range random.IntN(3) {
			all = append(all, corev1.Container{Command: line(), Args: line()})
		}
		return all
	}
	spegels := 0
	for range 5000 {
		ds := running(some(), some())
		got := matchDaemonSet(t.Context(), matcher, ds, nil)
		is := len(rollout.Sources(&ds.Spec.Template.Spec, nil)) > 0
		if got.Error != nil || is && !got.Matches {
			t.Fatalf("%+v: called %v (error %v), Spegel's %v", ds.Spec.Template.Spec, got.Matches, got.Error, is)
		}
		if is {
			spegels++
		}
	}
	if spegels < 100 {
		t.Errorf("%d of Spegel's, want many", spegels)
	}
}
