package rollout_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	arg "github.com/alexflint/go-arg"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

// spegel is what Spegel declares of its arguments, as far as it matters here.
type spegel struct {
	LogLevel      string         `arg:"--log-level"`
	Configuration *configuration `arg:"subcommand:configuration"`
}

type configuration struct {
	HostsDir string   `arg:"--containerd-registry-config-path" default:"/etc/containerd/certs.d"`
	Mirrors  []string `arg:"--mirrored-registries"`
	Targets  []string `arg:"--mirror-targets,required"`
	Tags     bool     `arg:"--resolve-tags" default:"true"`
	Filters  []string `arg:"--registry-filters"`
}

// start parses arguments as Spegel does, with values in place of the variables that are not read; false if it does not start.
func start(args []string, unread map[string]string) (*configuration, bool) {
	var s spegel
	p, err := arg.NewParser(arg.Config{IgnoreEnv: true, Out: &bytes.Buffer{}}, &s)
	if err != nil {
		panic(err)
	}
	words := make([]string, len(args))
	for i, word := range args {
		for name, value := range unread {
			word = strings.ReplaceAll(word, "$("+name+")", value)
		}
		words[i] = word
	}
	return s.Configuration, p.Parse(words) == nil
}

// Whatever Spegel starts with, its parser reads the list that is read here, unless that is said to be unread.
func TestCommandLinesAsSpegelParsesThem(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{
		"", "-", "--", "---", "x", "--x", "$(ENTRY)", "https://$(ENTRY)", "--$(NAME)", "$(FLAG)", "--mirrored-registries", "--mirrored-registries=https://docker.io",
		"--mirrored-registries=", "-mirrored-registries", "---mirrored-registries", "--mirrored-registries=a=b", "--mirror-targets", "--mirror-targets=http://a",
		"https://docker.io", "https://ghcr.io", "_default", "--containerd-registry-config-path", "--containerd-registry-config-path=/a", "/b", "--resolve-tags",
		"--resolve-tags=true", "--registry-filters", "--log-level", "DEBUG",
	}
	var env []corev1.EnvVar
	for _, name := range []string{"ENTRY", "NAME", "FLAG"} {
		env = append(env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: name}}})
	}
	values := []string{"", "x", "https://quay.io", "--mirrored-registries", "mirrored-registries", "--mirrored-registries=_default", "resolve-tags", "--"}
	n, started, undecided := 100_000, 0, 0
	if testing.Short() {
		n = 10_000
	}
	for range n {
		args := []string{"configuration"}
		if r.IntN(4) == 0 {
			args = []string{"--log-level=DEBUG", "configuration"}
		}
		args = append(args, "--mirror-targets=http://t")
		for range r.IntN(7) {
			args = append(args, words[r.IntN(len(words))])
		}
		unread := map[string]string{}
		for _, v := range env {
			unread[v.Name] = values[r.IntN(len(values))]
		}
		want, ok := start(args, unread)
		if !ok {
			continue
		}
		started++
		sources := rollout.Sources(&corev1.PodSpec{InitContainers: []corev1.Container{{Args: args, Env: env}}}, nil)
		if len(sources) != 1 {
			t.Fatalf("%q: %d sources", args, len(sources))
		}
		if sources[0].Unread {
			undecided++
		} else if diff := cmp.Diff(want.Mirrors, sources[0].Mirrors, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q with %q (-Spegel +here):\n%s", args, unread, diff)
		}
	}
	if started < n/10 || undecided < n/200 {
		t.Errorf("Spegel started %d times, %d of them undecided; the words are badly chosen", started, undecided)
	}
}
