package fluxrepo_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// varied makes small repositories, each unlike the next, with the ways in which a release of Spegel can
// come to be without a word of it in its own file.
type varied struct {
	tb   testing.TB
	rng  *rand.Rand
	root string
	apps int
}

// generateVaried writes the repository of a seed: one or two clusters that share what they build.
func generateVaried(tb testing.TB, root string, seed uint64) {
	tb.Helper()
	v := &varied{tb: tb, rng: rand.New(rand.NewPCG(seed, 2)), root: root}
	var fleet []string
	for range 2 + v.rng.IntN(5) {
		fleet = append(fleet, v.app())
	}
	v.write("fleet/base/kustomization.yaml", "resources:\n  - "+strings.Join(fleet, "\n  - ")+"\n")
	v.write("clusters/source.yaml", object("OCIRepository", "flux-system", "flux-system", "spec: {url: 'oci://example.com/manifests'}\n"))
	for _, cluster := range []string{"one", "two"}[:1+v.rng.IntN(2)] {
		overlay := "resources: [../base]\n" + v.pick("", "", "namePrefix: "+cluster+"-\n", "nameSuffix: -x\n", "namespace: tenants\n", "components: [../component]\n", v.kustomizationPatch())
		v.write("fleet/"+cluster+"/kustomization.yaml", overlay)
		v.write("clusters/"+cluster+"/fleet.yaml", generatedKustomization("fleet", "flux-system", "./fleet/"+cluster, v.extra(cluster)))
		v.write("clusters/"+cluster+"/vars.yaml", object("ConfigMap", "vars", "flux-system", "data: {CHART: "+v.chart()+", HARBOR: harbor.example.com}\n"))
	}
	v.write("fleet/component/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n  - target: {kind: Kustomization}\n    patch: |\n"+
		"      - op: add\n        path: /spec/"+v.pick("suspend\n        value: true", "targetNamespace\n        value: moved", "path\n        value: ./apps/app000")+"\n")
}

func (v *varied) write(name, text string) { writeFile(v.tb, filepath.Join(v.root, name), text) }

func (v *varied) pick(of ...string) string { return of[v.rng.IntN(len(of))] }

// chart is Spegel's now and then.
func (v *varied) chart() string { return v.pick("spegel", "podinfo", "podinfo") }

// extra is what a Kustomization may say of how it builds.
func (v *varied) extra(cluster string) string {
	return v.pick("", "",
		"  suspend: true\n", "  namePrefix: p-\n", "  nameSuffix: -s\n", "  targetNamespace: moved\n",
		"  components: [../component]\n",
		"  postBuild: {substitute: {CLUSTER: "+cluster+", CHART: "+v.chart()+"}}\n",
		"  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n",
		"  postBuild: {substitute: {FIRST: spe, LAST: gel}}\n",
		"  patches:\n    - target: {kind: HelmRelease}\n      patch: |\n"+indent(8, v.operation()),
		"  patches:\n    - patch: |\n        apiVersion: kustomize.toolkit.fluxcd.io/v1\n        kind: Kustomization\n        metadata: {name: any}\n        spec:\n          patches:\n"+
			"            - target: {kind: HelmRelease}\n              patch: |\n"+indent(16, v.operation())+"      target: {kind: Kustomization}\n",
	)
}

// kustomizationPatch changes where Kustomizations lead, or what they put in.
func (v *varied) kustomizationPatch() string {
	return "patches:\n  - target: {kind: Kustomization}\n    patch: |\n" + indent(6, "- op: add\n  path: "+v.pick(
		"/spec/postBuild\n  value: {substitute: {CHART: "+v.chart()+"}}", "/spec/path\n  value: ./apps/app001", "/spec/namePrefix\n  value: q-",
		"/metadata/labels\n  value: {a: b}"))
}

// operation gives a release another chart, name or list.
func (v *varied) operation() string {
	return v.pick(
		"- {op: replace, path: /spec/chart/spec/chart, value: "+v.chart()+"}\n",
		"- {op: replace, path: /metadata/name, value: "+v.chart()+"}\n",
		"- {op: add, path: /spec/releaseName, value: "+v.chart()+"}\n",
		"- {op: add, path: /spec/values, value: {spegel: {mirroredRegistries: [https://harbor.example.com]}}}\n",
		"- {op: add, path: /spec/suspend, value: true}\n",
	)
}

// app writes a Kustomization and what it builds, and returns its file as fleet/base names it.
func (v *varied) app() string {
	name := fmt.Sprintf("app%03d", v.apps)
	v.apps++
	folder := "apps/" + name
	shapes := []func(string) string{
		v.plain, v.patched, v.merged, v.generated, v.copied, v.overlaid, v.substituted, v.fromSource, v.inComponent, v.nested, v.several, v.odd, v.spelled, v.veiled,
	}
	resources := shapes[v.rng.IntN(len(shapes))](folder)
	if resources != "" {
		v.write(folder+"/kustomization.yaml", resources)
	}
	text := generatedKustomization(name, v.pick("", "flux-system"), "./"+folder, v.extra("any"))
	if v.rng.IntN(6) == 0 { // it is built from elsewhere
		text = strings.Replace(text, "kind: GitRepository", "kind: "+v.pick("ExternalArtifact", "OCIRepository"), 1)
	}
	v.write("fleet/base/"+name+".yaml", text)
	return name + ".yaml"
}

func (v *varied) release(folder, chart string) {
	v.write(folder+"/release.yaml", object("HelmRelease", v.pick("mirror", "mirror", "spegel"), v.pick("", "kube-system"), v.specOf(chart)))
}

func (v *varied) specOf(chart string) string {
	return "spec:\n  chart: {spec: {chart: '" + chart + "', version: 0.7.4}}\n" + v.pick("", "  suspend: true\n", "  releaseName: mirror\n") +
		"  values:\n    a: ${CLUSTER:=none}\n" + v.pick("", "    spegel: {mirroredRegistries: [https://docker.io, 'https://${HARBOR:=ghcr.io}']}\n", "    registries: [x]\n")
}

// plain is a release as it stands, with or without a kustomization.
func (v *varied) plain(folder string) string {
	v.release(folder, v.chart())
	return v.pick("", "resources: [release.yaml]\n", "resources: [release.yaml]\nnamePrefix: "+v.pick("spegel-", "x-")+"\n")
}

// patched is a release of another chart that operations change, in the kustomization or in a file.
func (v *varied) patched(folder string) string {
	v.release(folder, "podinfo")
	v.write(folder+"/patch.json", `[{"op": "replace", "path": "/spec/chart/spec/chart", "value": "`+v.chart()+`"}]`)
	return "resources: [release.yaml]\n" + v.pick("patches: [{target: {kind: HelmRelease}, path: patch.json}]\n",
		"patches:\n  - target: {kind: Helm.*}\n    patch: |\n"+indent(6, v.operation()))
}

// merged is the same with a patch that is merged, of today or of old.
func (v *varied) merged(folder string) string {
	v.write(folder+"/release.yaml", object("HelmRelease", "mirror", "kube-system", v.specOf("podinfo")))
	v.write(folder+"/merge.yaml", object("HelmRelease", "mirror", "kube-system", "spec: {chart: {spec: {chart: "+v.chart()+"}}}\n"))
	return "resources: [release.yaml]\n" + v.pick("patches: [{path: merge.yaml}]\n", "patchesStrategicMerge: [merge.yaml]\n")
}

// generated has values in a ConfigMap or Secret whose name is hashed.
func (v *varied) generated(folder string) string {
	kind := v.pick("ConfigMap", "Secret")
	v.write(folder+"/release.yaml", object("HelmRelease", "mirror", "kube-system", "spec:\n  chart: {spec: {chart: "+v.chart()+"}}\n  valuesFrom: [{kind: "+kind+", name: v}]\n"))
	v.write(folder+"/values.yaml", "spegel:\n  mirroredRegistries: ["+v.pick("https://docker.io", "https://harbor.example.com", "")+"]\n")
	v.write(folder+"/names.yaml", "nameReference:\n  - {kind: "+kind+", version: v1, fieldSpecs: [{path: spec/valuesFrom/name, kind: HelmRelease}]}\n")
	return "resources: [release.yaml]\nconfigurations: [names.yaml]\n" + map[string]string{"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}[kind] +
		":\n  - {name: v, namespace: kube-system, files: [values.yaml]" + v.pick("", ", options: {disableNameSuffixHash: true}") + "}\n"
}

// copied takes the chart or the list out of another object.
func (v *varied) copied(folder string) string {
	v.write(folder+"/release.yaml", object("HelmRelease", "mirror", "kube-system", "spec:\n  chart: {spec: {chart: podinfo}}\n  values: {spegel: {mirroredRegistries: [a]}}\n"))
	v.write(folder+"/from.yaml", object("ConfigMap", "from", "kube-system", "data: {chart: "+v.chart()+", list: 'https://harbor.example.com'}\n"))
	replacement := func(from, to string) string {
		return "  - {source: {kind: ConfigMap, name: from, fieldPath: data." + from + "}, targets: [{select: {kind: HelmRelease}, fieldPaths: [" + to + "]}]}\n"
	}
	return "resources: [release.yaml, from.yaml]\nreplacements:\n" + replacement("chart", "spec.chart.spec.chart") + replacement("list", "spec.values.spegel.mirroredRegistries.0")
}

// overlaid is one base that several apps build, each in its own way.
func (v *varied) overlaid(folder string) string {
	v.write("shared/release.yaml", object("HelmRelease", "mirror", "kube-system", "spec:\n  chart: {spec: {chart: '${CHART:=podinfo}'}}\n  values: {a: b}\n"))
	v.write("shared/kustomization.yaml", "resources: [release.yaml]\n")
	return "resources: [../../shared]\n" + v.pick("", "nameSuffix: -"+filepath.Base(folder)+"\n", "patches:\n  - target: {kind: HelmRelease}\n    patch: |\n"+indent(6, v.operation()))
}

// substituted names its chart by a variable.
func (v *varied) substituted(folder string) string {
	v.release(folder, v.pick("${CHART}", "${CHART:=podinfo}", "${CHART:-spegel}"))
	if v.rng.IntN(2) == 0 {
		return "resources: [release.yaml]\nconfigMapGenerator:\n  - {name: vars, namespace: flux-system, literals: [CHART=" + v.chart() + "], options: {disableNameSuffixHash: true}}\n"
	}
	return "resources: [release.yaml]\n"
}

// spelled has a name that is put together.
func (v *varied) spelled(folder string) string {
	switch v.rng.IntN(3) {
	case 0:
		v.release(folder, "${FIRST}${LAST}")
		return "resources: [release.yaml]\n"
	case 1:
		v.write(folder+"/release.yaml", object("HelmRelease", "${FIRST}${LAST}", "kube-system", "spec:\n  chartRef: {kind: OCIRepository, name: gone}\n"))
		return "resources: [release.yaml]\n"
	}
	v.write(folder+"/release.yaml", object("HelmRelease", "spegel", "kube-system", "spec:\n  chartRef: {kind: OCIRepository, name: gone}\n"))
	return "resources: [release.yaml]\nnamePrefix: p-\nnameSuffix: -s\n"
}

// veiled has a chart that can't be known.
func (v *varied) veiled(folder string) string {
	hidden := v.pick("${HIDDEN}", "ENC[AES256_GCM,data:a=]")
	source := object("OCIRepository", "hidden", "kube-system", "spec: {url: '"+v.pick("oci://ghcr.io/"+hidden, "oci://${HIDDEN}/podinfo", hidden)+"'}\n")
	v.write(folder+"/release.yaml", object("HelmRelease", "mirror", "kube-system", "spec:\n  chartRef: {kind: OCIRepository, name: '"+v.pick("hidden", hidden)+"'}\n")+
		"---\n"+source+"---\n"+object("HelmRelease", "other", "kube-system", v.specOf(hidden)))
	return v.pick("", "resources: [release.yaml]\n")
}

// fromSource names its chart by a source, which the app or another brings.
func (v *varied) fromSource(folder string) string {
	v.write(folder+"/release.yaml", object("HelmRelease", "mirror", "kube-system", "spec:\n  chartRef: {kind: OCIRepository, name: source-"+v.pick("a", "b")+"}\n  values: {a: b}\n"))
	v.write(folder+"/source.yaml", object("OCIRepository", "source-"+v.pick("a", "b"), "kube-system", "spec: {url: 'oci://ghcr.io/example/"+v.pick(v.chart(), "${CHART}")+"', ref: {tag: 0.7.4}}\n"))
	return v.pick("", "resources: [release.yaml, source.yaml]\n")
}

// inComponent has its release, or what makes it Spegel's, in a component.
func (v *varied) inComponent(folder string) string {
	v.release(folder+"/component", v.chart())
	v.write(folder+"/component/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"+
		v.pick("resources: [release.yaml]\n", "patches:\n  - target: {kind: HelmRelease}\n    patch: |\n"+indent(6, v.operation())))
	v.write(folder+"/other.yaml", object("HelmRelease", "other", "kube-system", v.specOf("podinfo")))
	return "resources: [other.yaml]\ncomponents: [component]\n"
}

// nested has a Kustomization of its own, which builds a folder beside it.
func (v *varied) nested(folder string) string {
	v.release(folder+"-below", v.chart())
	v.write(folder+"/below.yaml", generatedKustomization("below-"+filepath.Base(folder), "flux-system", v.pick("./"+folder+"-below", "./"+folder+"-${WHERE:=below}"), v.extra("nested")))
	return v.pick("", "resources: [below.yaml]\n", "resources: [below.yaml]\npatches:\n  - target: {kind: Kustomization}\n    patch: |\n      - {op: add, path: /spec/path, value: ./apps/app000}\n")
}

// several is a list, and a release that nothing names.
func (v *varied) several(folder string) string {
	v.release(folder, v.chart())
	list := "apiVersion: v1\nkind: List\nitems:\n  -" + indent(4, object("HelmRelease", "listed", "kube-system", v.specOf(v.chart())))[3:]
	v.write(folder+"/list.yaml", list)
	return "resources: [list.yaml]\n"
}

// odd can't be built, or not in full.
func (v *varied) odd(folder string) string {
	v.release(folder, v.chart())
	return "resources: [release.yaml, " + v.pick("gone.yaml", "https://example.com/base", "../nowhere") + "]\n"
}

func object(kind, name, ns, rest string) string {
	versions := map[string]string{"HelmRelease": "helm.toolkit.fluxcd.io/v2", "OCIRepository": "source.toolkit.fluxcd.io/v1", "ConfigMap": "v1"}
	if ns != "" {
		ns = "  namespace: " + ns + "\n"
	}
	return "apiVersion: " + versions[kind] + "\nkind: " + kind + "\nmetadata:\n  name: " + name + "\n" + ns + rest
}

// indent moves lines in.
func indent(by int, text string) string {
	space := strings.Repeat(" ", by)
	return space + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+space) + "\n"
}
