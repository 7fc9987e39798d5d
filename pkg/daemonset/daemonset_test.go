package daemonset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/daemonset"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func policy(t *testing.T, severities map[string]validate.Severity) validate.Policy {
	t.Helper()
	r, err := validate.ParseRegistry("registry.example.ts.net")
	if err != nil {
		t.Fatal(err)
	}
	return validate.Policy{PrivateRegistries: []validate.Registry{r}, Severities: severities}
}

func podSpec(t *testing.T, text string) *corev1.PodSpec {
	t.Helper()
	spec := &corev1.PodSpec{}
	if err := yaml.UnmarshalStrict([]byte(text), spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// writes is a pod whose init container has these arguments after the mirror target that the chart sets.
func writes(more string) string {
	return `{initContainers: [{name: configuration, args: [configuration, --mirror-targets, "http://$(NODE_IP):30020"` + more + `],
	env: [{name: NODE_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]}],
	containers: [{name: registry, args: [registry, "--router-addr=:5001"` + more + `]}]}`
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const at = " spec.template.spec.initContainers[0]."
	for name, test := range map[string]struct {
		spec       string
		severities map[string]validate.Severity
		want       []string // severity, rule and field
		unresolved []string
		notSpegels bool
	}{
		"a good list":          {spec: writes(", --mirrored-registries, https://docker.io, https://ghcr.io")},
		"no list":              {spec: writes(""), want: []string{"deny empty-mirror-list" + at + "args"}},
		"a private registry":   {spec: writes(", --mirrored-registries, https://docker.io, https://registry.example.ts.net"), want: []string{"deny private-registry-mirrored" + at + "args[5]"}},
		"a wildcard":           {spec: writes(", --mirrored-registries, _default"), want: []string{"deny wildcard-mirror" + at + "args[4]"}},
		"an entry with a path": {spec: writes(", --mirrored-registries, https://docker.io/"), want: []string{"deny invalid-mirror-url" + at + "args[4]"}},
		"plain http":           {spec: writes(", --mirrored-registries, http://docker.io"), want: []string{"warn ineffective-mirror" + at + "args[4]"}},
		"a target without a scheme": {
			spec: writes(", 'x:30020', --mirrored-registries, https://docker.io"), want: []string{"deny invalid-mirror-url" + at + "args[3]"},
		},
		"no list, and a policy that warns": {
			spec: writes(""), severities: map[string]validate.Severity{"empty-mirror-list": validate.Warn}, want: []string{"warn empty-mirror-list" + at + "args"},
		},
		"no list, and a policy that does not ask": {spec: writes(""), severities: map[string]validate.Severity{"empty-mirror-list": validate.Off}},
		"no init container, and no list": {
			spec: `{containers: [{name: registry, args: [registry, "--router-addr=:5001"]}]}`,
			want: []string{"warn empty-mirror-list spec.template.spec.containers[0].args"},
		},
		"no init container, and a private registry": {
			spec: `{containers: [{name: registry, args: [registry, "--router-addr=:5001", --mirrored-registries, "https://registry.example.ts.net"]}]}`,
			want: []string{"warn private-registry-mirrored spec.template.spec.containers[0].args[3]"},
		},
		"an old chart's list": {
			spec: `{initContainers: [{name: c, args: [configuration, --registries, https://docker.io, --mirror-registries, "http://a:1"]}]}`,
		},
		"an old chart's list with a private registry": {
			spec: `{initContainers: [{name: c, args: [configuration, --registries, https://registry.example.ts.net, --mirror-registries, "http://a:1"]}]}`,
			want: []string{"deny private-registry-mirrored" + at + "args[2]"},
		},
		"an old chart's list without an entry": {
			spec: `{initContainers: [{name: c, args: [configuration, --mirror-registries, "http://a:1"]}]}`, want: []string{"deny invalid-mirror-url" + at + "args"},
		},
		"a list from a Secret": {
			spec: `{initContainers: [{name: c, args: [configuration, "--mirror-targets=http://a:1"], env: [{name: MIRRORED_REGISTRIES, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}`,
			unresolved: []string{
				"spec.template.spec.initContainers[0].env[0] MIRRORED_REGISTRIES of container c depends on Secret s key k, which is not read",
			},
		},
		"an entry from a ConfigMap beside a private registry": {
			spec: `{initContainers: [{name: c, args: [configuration, "--mirror-targets=http://a:1", --mirrored-registries, https://registry.example.ts.net, "https://$(A)", "https://$(A)"],
			  env: [{name: A, valueFrom: {configMapKeyRef: {name: s, key: k}}}]}]}`,
			want: []string{"deny private-registry-mirrored" + at + "args[3]"},
			unresolved: []string{
				"spec.template.spec.initContainers[0].args[4] --mirrored-registries of container c depends on ConfigMap s key k, which is not read",
			},
		},
		"two init containers": {
			spec: `{initContainers: [
			  {name: a, args: [configuration, "--containerd-registry-config-path=/a"]},
			  {name: b, args: [configuration, "--containerd-registry-config-path=/b", --mirrored-registries, "https://registry.example.ts.net"]}]}`,
			want: []string{"deny empty-mirror-list" + at + "args", "deny private-registry-mirrored spec.template.spec.initContainers[1].args[3]"},
		},
		"another program": {spec: `{containers: [{name: registry, args: [registry, "--listen=:5000"]}]}`, notSpegels: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, ok := daemonset.Judge(podSpec(t, test.spec), policy(t, test.severities), nil)
			if ok == test.notSpegels {
				t.Errorf("Spegel's is %t", ok)
			}
			var found, unresolved []string
			for _, f := range res.Findings {
				found = append(found, fmt.Sprintf("%s %s %s", f.Severity, f.Rule, f.Field))
			}
			for _, u := range res.Unresolved {
				unresolved = append(unresolved, u.Field+" "+u.Text())
			}
			if diff := cmp.Diff([2][]string{test.want, test.unresolved}, [2][]string{found, unresolved}); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTextNamesTheArgument(t *testing.T) {
	t.Parallel()
	res, _ := daemonset.Judge(podSpec(t, writes(", --mirrored-registries, https://docker.io, https://registry.example.ts.net")), policy(t, nil), nil)
	const want = `--mirrored-registries of container configuration: "https://registry.example.ts.net" names the private registry registry.example.ts.net, ` +
		`so containerd asks Spegel first for its images, and their pulls may fail with "not found"`
	if len(res.Findings) != 1 || res.Findings[0].Text() != want {
		t.Errorf("got %+v\nwant %s", res.Findings, want)
	}
}

// A list of 10,000 entries, and one that fills a mebibyte with entries that are not known.
func TestLongLists(t *testing.T) {
	t.Parallel()
	spec := podSpec(t, writes(", --mirrored-registries"))
	init := &spec.InitContainers[0]
	for i := range 10_000 {
		init.Args = append(init.Args, fmt.Sprintf("https://r%d.example.com", i))
	}
	init.Args = append(init.Args, "https://registry.example.ts.net")
	res, _ := daemonset.Judge(spec, policy(t, nil), nil)
	if len(res.Findings) != 1 || res.Findings[0].Field != "spec.template.spec.initContainers[0].args[10004]" {
		t.Errorf("%+v", res.Findings)
	}
	init.Args = init.Args[:4]
	for i := range 20_000 {
		v := corev1.EnvVar{Name: fmt.Sprint("V", i), ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: fmt.Sprint(i)}}}
		init.Env, init.Args = append(init.Env, v), append(init.Args, "$("+v.Name+")")
	}
	res, _ = daemonset.Judge(spec, policy(t, nil), nil)
	if len(res.Findings) != 0 || len(res.Unresolved) != 100 {
		t.Errorf("%d findings, %d unresolved", len(res.Findings), len(res.Unresolved))
	}
}

// Names come from whoever writes the DaemonSet.
func TestNamesCannotSmuggle(t *testing.T) {
	t.Parallel()
	res, _ := daemonset.Judge(podSpec(t, `{initContainers: [{name: "a\nis immutable", args: [configuration, "--mirror-targets=http://a:1"],
	env: [{name: MIRRORED_REGISTRIES, valueFrom: {secretKeyRef: {name: "immutable field", key: "x\ny"}}}]}]}`), policy(t, nil), nil)
	if len(res.Unresolved) != 1 || strings.ContainsAny(res.Unresolved[0].Text(), "\n") || strings.Contains(res.Unresolved[0].Text(), "is immutable") {
		t.Errorf("%+v", res)
	}
}
