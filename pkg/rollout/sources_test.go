package rollout_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/rollout"
)

func podSpec(t *testing.T, text string) *corev1.PodSpec {
	t.Helper()
	spec := &corev1.PodSpec{}
	if err := yaml.UnmarshalStrict([]byte(text), spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// Each line of want is a container's list: where an entry stands, and what it is.
func TestWhereTheListComesFrom(t *testing.T) {
	t.Parallel()
	const targets = "--mirror-targets=http://a"
	for name, test := range map[string]struct{ spec, want string }{
		"arguments": {
			`{initContainers: [{name: a, args: [x]}, {name: configuration, args: [configuration, ` + targets + `, --mirrored-registries, a, b]}]}`,
			"configuration --mirrored-registries initContainers[1].args[2]: initContainers[1].args[3]=a initContainers[1].args[4]=b",
		},
		"a command and arguments": {
			`{initContainers: [{name: c, command: [/spegel, configuration, ` + targets + `, --mirrored-registries, a], args: [b]}]}`,
			"c --mirrored-registries initContainers[0].command[3]: initContainers[0].command[4]=a initContainers[0].args[0]=b",
		},
		"no list": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `]}]}`, "c --mirrored-registries initContainers[0].args:",
		},
		"no list, and a command": {
			`{initContainers: [{name: c, command: [/spegel, configuration, ` + targets + `]}]}`, "c --mirrored-registries initContainers[0].command:",
		},
		"an environment variable": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `], env: [{name: MIRRORED_REGISTRIES, value: 'a,"b,c"'}]}]}`,
			"c MIRRORED_REGISTRIES initContainers[0].env[0]: initContainers[0].env[0]=a initContainers[0].env[0]=b,c",
		},
		"an environment variable that is empty": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `], env: [{name: MIRRORED_REGISTRIES, value: ' '}]}]}`,
			"c MIRRORED_REGISTRIES initContainers[0].env[0]:",
		},
		"an environment variable that is no CSV": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `], env: [{name: MIRRORED_REGISTRIES, value: '"a'}]}]}`,
			`c MIRRORED_REGISTRIES initContainers[0].env[0]: initContainers[0].env[0]="a`,
		},
		"a flag beside the environment variable": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `, --mirrored-registries, a], env: [{name: MIRRORED_REGISTRIES, value: b}]}]}`,
			"c --mirrored-registries initContainers[0].args[2]: initContainers[0].args[3]=a",
		},
		"an environment variable of an old chart": {
			`{initContainers: [{name: c, args: [configuration, --mirror-registries, http://a], env: [{name: REGISTRIES, value: b}]}]}`,
			"c REGISTRIES initContainers[0].env[0]: initContainers[0].env[0]=b",
		},
		"targets in the environment": {
			`{initContainers: [{name: c, args: [configuration, --mirrored-registries, a], env: [{name: MIRROR_TARGETS, value: http://a}]}]}`,
			"c --mirrored-registries initContainers[0].args[1]: initContainers[0].args[2]=a",
		},
		"variables": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `, --mirrored-registries, https://$(HOST):5, $$(HOST), $(NONE), '$(', $, $(NODE_IP)],
			  env: [{name: NODE_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}, {name: D, value: org}, {name: HOST, value: example.$(D)}]}]}`,
			"c --mirrored-registries initContainers[0].args[2]: initContainers[0].args[3]=https://example.org:5 initContainers[0].args[4]=$(HOST) " +
				"initContainers[0].args[5]=$(NONE) initContainers[0].args[6]=$( initContainers[0].args[7]=$ initContainers[0].args[8]=$(NODE_IP) 5:variable/NODE_IP/",
		},
		"a variable from a Secret": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `, --mirrored-registries, a, https://$(HOST)],
			  env: [{name: HOST, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}`,
			"c --mirrored-registries initContainers[0].args[2]: initContainers[0].args[3]=a initContainers[0].args[4]=https://$(HOST) 1:Secret/s/k",
		},
		"the list from a ConfigMap": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `], env: [{name: MIRRORED_REGISTRIES, valueFrom: {configMapKeyRef: {name: s, key: k}}}]}]}`,
			"c MIRRORED_REGISTRIES initContainers[0].env[0]: -1:ConfigMap/s/k",
		},
		"all variables from a Secret": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `], envFrom: [{prefix: OTHER_, configMapRef: {name: o}}, {prefix: MIRRORED_, secretRef: {name: s}}]}]}`,
			"c MIRRORED_REGISTRIES initContainers[0].envFrom[1]: -1:Secret/s/REGISTRIES",
		},
		"several that write the same directory": {
			`{initContainers: [{name: a, args: [configuration, ` + targets + `, --mirrored-registries, a]}, {name: b, args: [configuration, ` + targets + `, --mirrored-registries, b]}]}`,
			"b --mirrored-registries initContainers[1].args[2]: initContainers[1].args[3]=b",
		},
		"several that write directories of their own": {
			`{initContainers: [{name: a, args: [configuration, --containerd-registry-config-path, /a, --mirrored-registries, a]}, {name: b, args: [configuration, ` + targets + `, --mirrored-registries, b]}]}`,
			"a --mirrored-registries initContainers[0].args[3]: initContainers[0].args[4]=a\n" +
				"b --mirrored-registries initContainers[1].args[2]: initContainers[1].args[3]=b",
		},
		"words before the subcommand": {
			`{initContainers: [{name: c, command: [/tini, --, /spegel], args: [--log-level, DEBUG, configuration, ` + targets + `, --mirrored-registries, a]}]}`,
			"c --mirrored-registries initContainers[0].args[4]: initContainers[0].args[5]=a",
		},
		"the list alone, beside variables of a ConfigMap": {
			`{initContainers: [{name: c, args: [configuration, --mirrored-registries, a], envFrom: [{configMapRef: {name: s}}]}]}`,
			"c --mirrored-registries initContainers[0].args[1]: initContainers[0].args[2]=a",
		},
		"the list from a field of the pod": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `], env: [{name: MIRRORED_REGISTRIES, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['a']"}}}]}]}`,
			"c MIRRORED_REGISTRIES initContainers[0].env[0]: -1:variable/MIRRORED_REGISTRIES/",
		},
		"an old name in the environment, beside a flag of today": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `], env: [{name: REGISTRIES, value: b}]}]}`, "c --mirrored-registries initContainers[0].args:",
		},
		"a name of today in the environment, beside an old flag": {
			`{initContainers: [{name: c, args: [configuration, --mirror-registries=http://a, --registries, a], env: [{name: MIRRORED_REGISTRIES, value: b}]}]}`,
			"c --registries initContainers[0].args[2]: initContainers[0].args[3]=a",
		},
		"old names in the environment alone": {
			`{initContainers: [{name: c, args: [configuration], env: [{name: REGISTRIES, value: b}, {name: MIRROR_REGISTRIES, value: http://a}]}]}`,
			"c REGISTRIES initContainers[0].env[0]: initContainers[0].env[0]=b",
		},
		"the one that serves, where none writes": {
			`{containers: [{name: other, args: [registry, serve]}, {name: registry, args: [registry, --router-addr=:5001, --mirrored-registries, b]}]}`,
			"registry --mirrored-registries containers[1].args[2]: containers[1].args[3]=b",
		},
		"no list, and words that are no flag": {
			`{initContainers: [{name: c, args: [configuration, --mirror-targets, "$(NODE_IP):1", --log-level, $(S), --x, $(CPU), x$(S), $(T), --a=$(S), $(NONE), $$(S)],
			  env: [{name: NODE_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}, {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}},
			  {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: T, value: "http://$(S)"}]}]}`,
			"c --mirrored-registries initContainers[0].args:",
		},
		"no list, and a word that may be its flag": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `, x, "$(T)", "$(S)"],
			  env: [{name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: T, value: "$(S)"}]}]}`,
			"c --mirrored-registries initContainers[0].args: initContainers[0].args[3]=$(T) 0:Secret/s/k",
		},
		"a list, and a word that may replace it": {
			`{initContainers: [{name: c, args: [configuration, --mirrored-registries, a, ` + targets + `, "$(S)"],
			  env: [{name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}`,
			"c --mirrored-registries initContainers[0].args[1]: initContainers[0].args[2]=a initContainers[0].args[4]=$(S) 1:Secret/s/k",
		},
		"the environment, and a word that may replace it": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `, "$(S)"],
			  env: [{name: MIRRORED_REGISTRIES, value: 'a,b'}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}`,
			"c MIRRORED_REGISTRIES initContainers[0].env[0]: initContainers[0].env[0]=a initContainers[0].env[0]=b initContainers[0].args[2]=$(S) 2:Secret/s/k",
		},
		"no list, and a flag of a name that is not read": {
			`{initContainers: [{name: c, args: [configuration, ` + targets + `, "--$(S)", x], envFrom: [{configMapRef: {name: s}}]}]}`,
			"c MIRRORED_REGISTRIES initContainers[0].envFrom[0]: -1:ConfigMap/s/MIRRORED_REGISTRIES",
		},
		"another program": {`{containers: [{name: registry, args: [registry, --listen=:5000]}], initContainers: [{name: c, command: [/configuration]}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sources := rollout.Sources(podSpec(t, test.spec), nil)
			var got []string
			for i := range sources {
				s := &sources[i]
				var line strings.Builder
				fmt.Fprintf(&line, "%s %s %s:", s.Container, s.Mirrored.Name, s.Mirrored.Field(rollout.Whole))
				for i, m := range s.Mirrors {
					fmt.Fprintf(&line, " %s=%s", s.Mirrored.Field(i), m)
				}
				for entry, ref := range s.Mirrored.Unread {
					fmt.Fprintf(&line, " %d:%s/%s/%s", entry, ref.Kind, ref.Name, ref.Key)
				}
				if s.Unread != (len(s.Mirrored.Unread) > 0) || s.Unread && s.Everything() {
					t.Errorf("unread %t, everything %t", s.Unread, s.Everything())
				}
				got = append(got, line.String())
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What looks for very many variables in very many objects would take minutes.
func TestVeryManyObjectsOfVariables(t *testing.T) {
	t.Parallel()
	spec := podSpec(t, `{initContainers: [{name: c, args: [configuration, --mirror-targets=http://a, --mirrored-registries]}]}`)
	c := &spec.InitContainers[0]
	for range 30_000 {
		c.Args = append(c.Args, "$(A)")
		c.EnvFrom = append(c.EnvFrom, corev1.EnvFromSource{Prefix: "B", SecretRef: &corev1.SecretEnvSource{}})
	}
	if sources := rollout.Sources(spec, nil); len(sources) != 1 || len(sources[0].Mirrored.Unread) != 30_000 {
		t.Errorf("%d sources; want one, of which nothing is known", len(sources))
	}
}

// Looking through all that came before for each container would take half a minute.
func TestVeryManyContainers(t *testing.T) {
	t.Parallel()
	spec := &corev1.PodSpec{}
	for i := range 25_000 {
		c := corev1.Container{Name: fmt.Sprint(i), Args: []string{"configuration", "--containerd-registry-config-path", fmt.Sprint("/", i%20_000)}}
		spec.InitContainers = append(spec.InitContainers, c)
	}
	if sources := rollout.Sources(spec, nil); len(sources) != 20_000 || sources[0].Container != "5000" {
		t.Errorf("%d sources; want the last of each directory", len(sources))
	}
}

// Variables of variables could double a word with each; no program can be started with such words.
func TestVariablesAreBounded(t *testing.T) {
	t.Parallel()
	spec := podSpec(t, `{initContainers: [{name: c, args: [configuration, --mirrored-registries, $(V63), --mirror-targets, `+strings.Repeat("$(", 1000)+`]}]}`)
	c := &spec.InitContainers[0]
	c.Env = []corev1.EnvVar{{Name: "V0", Value: "1234567890"}}
	for i := range 63 {
		c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("V%d", i+1), Value: fmt.Sprintf("$(V%d)$(V%d)", i, i)})
	}
	sources := rollout.Sources(spec, nil)
	if len(sources) != 1 || len(sources[0].Mirrors) != 1 || len(sources[0].Mirrors[0]) > 3<<20 {
		t.Errorf("%d sources", len(sources))
	}
}
