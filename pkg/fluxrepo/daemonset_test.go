package fluxrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
	"github.com/spegel-guard/spegel-guard/test/e2e/parity"
)

// TestDaemonSetParity judges the corpus of DaemonSets in a stream. What an update adds only admission knows.
func TestDaemonSetParity(t *testing.T) {
	t.Parallel()
	cases, err := parity.DaemonSets()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if c.Old != nil {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			text, err := yaml.Marshal(c.Object("spegel", "kube-system", c.Pod))
			if err != nil {
				t.Fatal(err)
			}
			res := checkDaemonSets(t, string(text), nil)
			if len(res.Releases) == 0 {
				if c.Verdict != "not-spegel" {
					t.Fatalf("nothing found; want %s", c.Verdict)
				}
				return
			}
			rel, verdict := res.Releases[0], "pass"
			var found []parity.Finding
			var unresolved []string
			for _, u := range rel.Unresolved {
				verdict, unresolved = "unresolved", append(unresolved, u.Kind+" "+u.Name)
			}
			for _, f := range rel.Findings {
				if found = append(found, parity.Finding{Rule: f.Rule, Field: f.Argument}); verdict != "deny" {
					verdict = string(f.Severity)
				}
			}
			if verdict != c.Verdict || rel.Kind != "DaemonSet" || len(res.Errors) > 0 {
				t.Errorf("%s %s, errors %v; want %s", rel.Kind, verdict, res.Errors, c.Verdict)
			}
			if diff := cmp.Diff(c.Findings, found); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			for i, want := range c.Unresolved {
				if _, object, _ := strings.Cut(want, ": "); i >= len(unresolved) || unresolved[i] != object {
					t.Errorf("unresolved %q; want %q", unresolved, c.Unresolved)
				}
			}
		})
	}
}

// checkDaemonSets checks a stream, or a repository.
func checkDaemonSets(t *testing.T, stream string, paths []string) *fluxrepo.Result {
	t.Helper()
	pol, err := policy.Load("", []string{parity.PrivateRegistry})
	if err != nil {
		t.Fatal(err)
	}
	if stream != "" {
		paths = []string{"-"}
	}
	res, err := fluxrepo.Check(t.Context(), fluxrepo.Options{Paths: paths, Stdin: strings.NewReader(stream), Charts: pol.Charts, Policy: pol.Policy})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// told is what a check found, a line each: who, severity, rule, argument and line, or what is unresolved.
func told(res *fluxrepo.Result) (lines []string) {
	for _, rel := range res.Releases {
		who := strings.TrimSpace(rel.Kind + " " + rel.Namespace + "/" + rel.Name)
		if len(rel.Findings)+len(rel.Unresolved) == 0 {
			lines = append(lines, who+" good")
		}
		for _, f := range rel.Findings {
			lines = append(lines, fmt.Sprintf("%s %s %s %s:%d", who, f.Severity, f.Rule, f.Argument, f.Place.Line))
		}
		for _, u := range rel.Unresolved {
			lines = append(lines, fmt.Sprintf("%s unresolved %s:%d", who, u.Reason, u.Place.Line))
		}
	}
	return lines
}

// counts reports whether a fault concerns Spegel.
func counts(e fluxrepo.Error) bool { return !e.Elsewhere }

// spegelOf is a DaemonSet with this list, as lines of its own; its arguments begin at line 16.
func spegelOf(name string, list ...string) string {
	var entries strings.Builder
	for _, e := range list {
		entries.WriteString("            - " + e + "\n")
	}
	return `apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: ` + name + `-spegel
  namespace: kube-system
  labels:
    app.kubernetes.io/instance: ` + name + `
spec:
  template:
    spec:
      initContainers:
        - name: configuration
          image: ghcr.io/spegel-org/spegel:v0.7.4
          ports: ${PORTS}
          args:
            - configuration
            - --mirror-targets=http://$(NODE_IP):30020
            - --mirrored-registries
` + entries.String()
}

const otherDaemonSet = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: kube-system}
spec: {template: {spec: {containers: [{name: a, args: [--spegel, registry, 5]}]}}}
`

func TestDaemonSetsInAStream(t *testing.T) {
	t.Parallel()
	const private = "https://" + parity.PrivateRegistry
	release := func(values string) string {
		return `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: mirror, namespace: kube-system}
spec:
  chart: {spec: {chart: spegel, sourceRef: {kind: HelmRepository, name: spegel}}}
  ` + values + "\n---\n"
	}
	const at = " private-registry-mirrored spec.template.spec.initContainers[0].args[3]:"
	for name, test := range map[string]struct {
		stream string
		want   []string
	}{
		"a good one":             {spegelOf("mirror", "https://docker.io"), []string{"DaemonSet kube-system/mirror-spegel good"}},
		"a bad one":              {spegelOf("mirror", private), []string{"DaemonSet kube-system/mirror-spegel deny" + at + "19"}},
		"another tool's is none": {otherDaemonSet, nil},
		"another tool's first":   {otherDaemonSet + "---\n" + spegelOf("mirror", private), []string{"DaemonSet kube-system/mirror-spegel deny" + at + "24"}},
		"in a list":              {"kind: List\napiVersion: v1\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(spegelOf("mirror", private)), "\n", "\n  "), []string{"DaemonSet kube-system/mirror-spegel deny" + at + "22"}},
		"several":                {spegelOf("a", private) + "---\n" + spegelOf("b", private), []string{"DaemonSet kube-system/a-spegel deny" + at + "19", "DaemonSet kube-system/b-spegel deny" + at + "39"}},
		"a variable":             {spegelOf("mirror", "https://${HOST}", private), []string{"DaemonSet kube-system/mirror-spegel deny private-registry-mirrored spec.template.spec.initContainers[0].args[4]:20", "DaemonSet kube-system/mirror-spegel unresolved ${HOST} has no value:19"}},
		"a variable that is all": {spegelOf("mirror", "${LIST}"), []string{"DaemonSet kube-system/mirror-spegel unresolved ${LIST} has no value:19"}},
		"a variable that may be the flag": {
			strings.Replace(spegelOf("mirror", "https://docker.io"), "--mirrored-registries", "${FLAG}", 1), []string{"DaemonSet kube-system/mirror-spegel unresolved ${FLAG} has no value:18"},
		},
		"a variable in the name of a flag": {
			strings.Replace(spegelOf("mirror", "https://docker.io"), "mirrored-registries", "${NAME}", 1), []string{"DaemonSet kube-system/mirror-spegel unresolved ${NAME} has no value:18"},
		},
		"a variable that is a flag's value": {
			strings.Replace(spegelOf("mirror", "https://docker.io"), "--mirrored-registries", "--log-level=${LEVEL}", 1),
			[]string{"DaemonSet kube-system/mirror-spegel deny empty-mirror-list spec.template.spec.initContainers[0].args:15"},
		},
		"a release that makes it": {release("values: {spegel: {mirroredRegistries: ['"+private+"']}}") + spegelOf("mirror", private), []string{"kube-system/mirror deny private-registry-mirrored :6"}},
		"a release that can't be read": {
			release("valuesFrom: [{kind: Secret, name: values}]") + spegelOf("mirror", private),
			[]string{"kube-system/mirror deny" + at + "26", "kube-system/mirror unresolved not in this repository:6"},
		},
		"a good release, and a DaemonSet that a postRenderer made bad": {
			release("values: {spegel: {mirroredRegistries: ['https://docker.io']}}") + spegelOf("mirror", private), []string{"kube-system/mirror deny" + at + "26"},
		},
		"a release that is suspended, and a DaemonSet that another tool applies": {
			release("suspend: true\n  values: {spegel: {mirroredRegistries: ['https://docker.io']}}") + spegelOf("mirror", private),
			[]string{"kube-system/mirror good", "DaemonSet kube-system/mirror-spegel deny" + at + "27"},
		},
		"one without a word of Spegel, and without the list": {
			"{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: p2p, namespace: a}, spec: {template: {spec: {initContainers: [{name: c, args: [configuration, --mirror-targets, 'http://a:1']}]}}}}",
			[]string{"DaemonSet a/p2p deny empty-mirror-list spec.template.spec.initContainers[0].args:1"},
		},
		"a release beside another's": {
			release("values: {spegel: {mirroredRegistries: ['https://docker.io']}}") + spegelOf("second", private),
			[]string{"kube-system/mirror good", "DaemonSet kube-system/second-spegel deny" + at + "26"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := checkDaemonSets(t, test.stream, nil)
			if diff := cmp.Diff(test.want, told(res)); diff != "" || slices.ContainsFunc(res.Errors, counts) {
				t.Errorf("errors %v, findings (-want +got):\n%s", res.Errors, diff)
			}
		})
	}
}

// Trying a place for each of them in a stream of this size would take minutes.
func TestManyFaultyEntriesInAStream(t *testing.T) {
	t.Parallel()
	var list []string
	for i := range 10_000 {
		list = append(list, fmt.Sprint("a", i))
	}
	res := checkDaemonSets(t, spegelOf("mirror", list...), nil)
	if len(res.Releases) != 1 || len(res.Releases[0].Findings) != 1000 {
		t.Fatalf("%d DaemonSets; want one with a thousand findings", len(res.Releases))
	}
	for i, f := range res.Releases[0].Findings {
		if f.Place.Line != 19+i || f.Place.Approximate {
			t.Fatalf("%s: %+v; want line %d", f.Argument, f.Place, 19+i)
		}
	}
}

func TestDaemonSetsInARepository(t *testing.T) {
	t.Parallel()
	const private = "https://" + parity.PrivateRegistry
	const flux = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {path: ./apps, prune: true, interval: 1h, sourceRef: {kind: GitRepository, name: flux-system}}
`
	const bad = "DaemonSet kube-system/mirror-spegel deny private-registry-mirrored spec.template.spec.initContainers[0].args[3]:"
	ds := strings.Replace(spegelOf("mirror", private), "          ports: ${PORTS}\n", "", 1)
	for name, test := range map[string]struct {
		files map[string]string
		path  string
		want  []string
	}{
		"Flux builds it": {map[string]string{"cluster/apps.yaml": flux, "apps/ds.yaml": ds, "apps/kustomization.yaml": "resources: [ds.yaml]\n"}, "", []string{bad + "18"}},
		"a patch makes it bad": {map[string]string{
			"cluster/apps.yaml": flux, "apps/ds.yaml": strings.Replace(ds, private, "https://docker.io", 1),
			"apps/kustomization.yaml": "resources: [ds.yaml]\npatches:\n- patch: |\n    - op: replace\n      path: /spec/template/spec/initContainers/0/args/3\n      value: " + private + "\n  target: {kind: DaemonSet}\n",
		}, "", []string{bad + "6"}},
		"a patch adds to the container": {map[string]string{
			"base/ds.yaml":            strings.Replace(ds, "- https://docker.io", "", 1),
			"base/kustomization.yaml": "resources: [ds.yaml]\npatches:\n- patch: |\n    apiVersion: apps/v1\n    kind: DaemonSet\n    metadata: {name: mirror-spegel, namespace: kube-system}\n    spec: {template: {spec: {initContainers: [{name: configuration, env: [{name: A, value: b}]}]}}}\n",
		}, "", []string{bad + "18"}},
		"another cluster has the release": {map[string]string{
			"a/apps.yaml": strings.Replace(flux, "./apps", "./apps-a", 1), "b/apps.yaml": strings.Replace(flux, "./apps", "./apps-b", 1), "apps-b/ds.yaml": ds,
			"apps-a/release.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: mirror, namespace: kube-system}\n" +
				"spec: {chart: {spec: {chart: spegel}}, values: {spegel: {mirroredRegistries: ['https://docker.io']}}}\n",
		}, "", []string{"kube-system/mirror good", bad + "18"}},
		"kustomize builds it":                                         {map[string]string{"base/ds.yaml": ds, "base/kustomization.yaml": "resources: [ds.yaml]\n"}, "", []string{bad + "18"}},
		"a plain manifest that PATH names":                            {map[string]string{"cluster/apps.yaml": flux, "deploy/ds.yaml": ds}, "deploy/ds.yaml", []string{bad + "18"}},
		"a folder that PATH names":                                    {map[string]string{"cluster/apps.yaml": flux, "deploy/ds.yaml": ds}, "deploy", []string{bad + "18"}},
		"a plain manifest that nobody names, in a repository of Flux": {map[string]string{"cluster/apps.yaml": flux, "apps/a.yaml": otherDaemonSet, "deploy/ds.yaml": ds}, "", nil},
		"a plain manifest in a repository without Flux":               {map[string]string{"deploy/ds.yaml": ds}, "", []string{bad + "18"}},
		"without the word":                                            {map[string]string{"cluster/apps.yaml": flux, "apps/ds.yaml": strings.ReplaceAll(ds, "spegel", "mirror")}, "", []string{strings.Replace(bad, "mirror-spegel", "mirror-mirror", 1) + "18"}},
		"another tool's, and no YAML of ours":                         {map[string]string{"cluster/apps.yaml": flux, "apps/ds.yaml": otherDaemonSet}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.files[".git/HEAD"] = "ref: refs/heads/main\n"
			dir := t.TempDir()
			for file, text := range test.files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			res := checkDaemonSets(t, "", []string{dir + "/" + test.path})
			if diff := cmp.Diff(test.want, told(res)); diff != "" || slices.ContainsFunc(res.Errors, counts) {
				t.Errorf("errors %v, findings (-want +got):\n%s", res.Errors, diff)
			}
		})
	}
}
