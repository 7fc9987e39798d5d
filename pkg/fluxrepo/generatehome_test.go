package fluxrepo_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// generateHome writes a repository as a home cluster has it: one Kustomization lists all others, which stand in files
// of their own, and patches each of them; about a thousand files.
func generateHome(tb testing.TB, root string) {
	tb.Helper()
	write := func(name, text string) { writeFile(tb, filepath.Join(root, "kubernetes", name), text) }
	write("flux/cluster/ks.yaml", generatedKustomization("cluster-apps", "flux-system", "./kubernetes/apps", generatedParentPatch))
	write("components/replacements/ks.yaml", "- source: {kind: Namespace, fieldPath: metadata.name}\n  targets:\n    - select: {kind: Kustomization, group: kustomize.toolkit.fluxcd.io}\n"+
		"      fieldPaths: [spec.targetNamespace]\n      options: {create: true}\n")
	write("components/namespace/kustomization.yaml", generatedComponent+"resources: [./namespace.yaml, ./alert.yaml]\n")
	write("components/namespace/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: not-used}\n")
	write("components/namespace/alert.yaml", "apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {name: alerts}\nspec: {providerRef: {name: alerts}, eventSources: [{kind: HelmRelease, name: '*'}]}\n")
	write("components/volume/kustomization.yaml", generatedComponent+"resources: [./claim.yaml]\n")
	write("components/volume/claim.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: '${APP}'}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: '${SIZE:=1Gi}'}}}\n")
	write("apps/settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {DOMAIN: example.com}\n")
	for group := range 13 {
		ns := fmt.Sprintf("group%02d", group)
		var list strings.Builder
		list.WriteString("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: " + ns +
			"\ncomponents: [../../components/namespace]\nreplacements: [{path: ../../components/replacements/ks.yaml}]\nresources:\n")
		for i := range 10 {
			app := fmt.Sprintf("app%03d", group*10+i)
			if group == 6 && i == 5 {
				app = "spegel"
			}
			list.WriteString("  - ./" + app + "/ks.yaml\n")
			generateHomeApp(write, "apps/"+ns+"/"+app, app)
		}
		write("apps/"+ns+"/kustomization.yaml", list.String())
	}
}

const generatedComponent = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"

func generateHomeApp(write func(name, text string), dir, app string) {
	write(dir+"/ks.yaml", generatedKustomization("&app "+app, "", "./kubernetes/"+dir+"/app",
		"  commonMetadata: {labels: {app.kubernetes.io/name: *app}}\n  components: [../../../../components/volume]\n  postBuild: {substitute: {APP: *app, SIZE: 5Gi}}\n"))
	write(dir+"/app/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [./externalsecret.yaml, ./helmrelease.yaml, ./ocirepository.yaml, ./rule.yaml]\n"+
		"configMapGenerator: [{name: "+app+"-config, files: [config.yaml=resources/config.yaml]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n")
	values := "    spegel:\n      mirroredRegistries: [https://docker.io, https://harbor.example.com]\n"
	if app != "spegel" {
		var text strings.Builder
		for i := range 6 {
			fmt.Fprintf(&text, "    part%d:\n      image: {repository: ghcr.io/example/%s, tag: 1.2.%d}\n      env:\n        TZ: Europe/Berlin\n        URL: https://%s.${DOMAIN}\n"+
				"      resources:\n        requests: {cpu: 10m}\n        limits: {memory: 256Mi}\n      probes: {liveness: {enabled: true}, readiness: {enabled: true}}\n", i, app, i, app)
		}
		values = text.String()
	}
	write(dir+"/app/helmrelease.yaml", "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: "+app+"\nspec:\n  interval: 1h\n  chartRef: {kind: OCIRepository, name: "+app+"}\n  values:\n"+values)
	write(dir+"/app/ocirepository.yaml", "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: "+app+"}\nspec:\n  interval: 15m\n  layerSelector: {mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}\n"+
		"  ref: {tag: 0.7.4}\n  url: oci://ghcr.io/example/charts/"+app+"\n")
	write(dir+"/app/externalsecret.yaml", "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: "+app+"}\nspec:\n  secretStoreRef: {kind: ClusterSecretStore, name: store}\n  target: {name: "+app+"-secret}\n  dataFrom: [{extract: {key: "+app+"}}]\n")
	write(dir+"/app/rule.yaml", "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: "+app+"}\nspec:\n  groups:\n    - name: "+app+"\n      rules:\n        - {alert: Down, expr: 'up == 0', for: 5m, labels: {severity: critical}}\n")
	write(dir+"/app/resources/config.yaml", "server:\n  listen: 0.0.0.0:8080\n  log: {level: info, format: json}\nusers:\n  - {name: admin, groups: [a, b]}\n")
}
