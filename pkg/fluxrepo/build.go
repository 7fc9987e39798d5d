package fluxrepo

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	fluxkustomize "github.com/fluxcd/pkg/kustomize"
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// object is one object that a Kustomization emits, before variables are put in.
type object struct {
	apiVersion, kind, ns, name string
	text                       []byte // YAML
	verbatim                   bool   // variables are not put in
	file                       string // it comes from, in the repository; empty if not known
	generator                  string // the kustomization that generates it
	by                         *node
}

// built is what a build emits.
type built struct {
	objects []*object
	err     error
}

// kinds are what a check looks at; the rest of what is built is forgotten.
var kinds = map[string]bool{
	"HelmRelease": true, "Kustomization": true, "ConfigMap": true, "Secret": true, "OCIRepository": true,
	"HelmChart": true, "GitRepository": true, "ResourceSet": true, "ArtifactGenerator": true,
}

// kustomizing keeps builds apart: kyaml v0.21.1 reads and writes its global schema without a lock.
var kustomizing sync.Mutex

// run builds one folder.
func (g *graph) run(n *node) *built {
	manifest, err := n.manifest()
	if err != nil {
		return &built{err: err}
	}
	key := n.path + "\x00" + n.trees[0].ignore.spec + "\x00" + string(manifest)
	if b, ok := g.builds[key]; ok {
		return b
	}
	b := &built{}
	g.builds[key] = b
	over := map[string][]byte{path.Join(n.path, n.manifestName()): manifest}
	schema := false
	for _, t := range n.trees {
		t.walk(func(t *tree) bool {
			schema = schema || t.schema
			if t.cut && t.dir != n.path {
				text, err := yaml.Marshal(t.node)
				if err != nil {
					b.err = err
				}
				over[t.file.path] = text
			}
			return true
		})
	}
	if !g.opts.NoPrune {
		g.leaveOutCold(n, over)
	}
	if b.err = g.patchesBounded(n); b.err != nil {
		return b
	}
	g.builtins = g.builtins || g.opts.NoPrune || g.needsBuiltins(n, over)
	res, err := kustomize(&view{graph: g, ignore: n.trees[0].ignore, over: over}, path.Join(mount, n.path), schema, g.builtins)
	if err != nil {
		b.err = err
		return b
	}
	for _, r := range res.Resources() {
		if kinds[r.GetKind()] || strings.Contains(r.GetKind(), "${") {
			o, err := newObject(n.path, r)
			if err != nil {
				b.objects, b.err = nil, err // Flux applies none of it
				return b
			}
			b.objects = append(b.objects, o)
		}
	}
	return b
}

func kustomize(fs filesys.FileSystem, dir string, schema, builtins bool) (res resmap.ResMap, err error) {
	if schema { // start from a fresh schema, and leave none behind
		kustomizing.Lock()
		defer kustomizing.Unlock()
		return fluxkustomize.Build(fs, dir)
	}
	if !builtins {
		if res, err := krust(fs, dir, false); err == nil {
			return res, nil
		} // say what Flux would say
	}
	return krust(fs, dir, true)
}

// krust builds with or without the schema of Kubernetes' own kinds.
func krust(fs filesys.FileSystem, dir string, builtins bool) (res resmap.ResMap, err error) {
	kustomizing.Lock()
	defer kustomizing.Unlock()
	if !builtins {
		openapi.ResetOpenAPI()
		openapi.SuppressBuiltInSchemaUse()
		defer openapi.ResetOpenAPI()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("kustomize gave up: %v", p)
		}
	}()
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: kustypes.LoadRestrictionsNone,
		PluginConfig:     kustypes.DisabledPluginConfig(),
	}).Run(fs, dir)
}

func newObject(dir string, r *resource.Resource) (*object, error) {
	o := &object{apiVersion: r.GetApiVersion(), kind: r.GetKind(), ns: r.GetNamespace(), name: r.GetName()}
	origin, err := r.GetOrigin()
	if err == nil && origin != nil && origin.Repo == "" {
		if origin.Path != "" {
			o.file, _ = resolve(dir, origin.Path)
		} else if origin.ConfiguredIn != "" {
			o.generator, _ = resolve(dir, origin.ConfiguredIn)
		}
	}
	if err := r.SetOrigin(nil); err != nil {
		return nil, err
	}
	const key = fluxGroup + "/substitute"
	o.verbatim = r.GetLabels()[key] == fluxkustomize.DisabledValue || r.GetAnnotations()[key] == fluxkustomize.DisabledValue
	o.text, err = r.AsYAML()
	return o, err
}

// leaveOutCold hides files that hold nothing but Kustomizations that lead nowhere, where the rest of the
// build can't depend on them.
func (g *graph) leaveOutCold(n *node, over map[string][]byte) {
	for _, p := range items(child(child(n.spec, "spec"), "patches")) {
		if child(p, "target") == nil {
			return
		}
	}
	if g.opaque(n.trees, n.spec) {
		return
	}
	fragile := child(child(n.spec, "spec"), "patchesStrategicMerge") != nil || child(child(n.spec, "spec"), "patchesJson6902") != nil
	for _, t := range n.trees {
		t.walk(func(t *tree) bool {
			fragile = fragile || t.fragile || child(t.node, "patchesStrategicMerge") != nil || child(t.node, "patchesJson6902") != nil
			for _, p := range items(child(t.node, "patches")) {
				fragile = fragile || child(p, "target") == nil
			}
			return true
		})
	}
	if fragile {
		return
	}
	for _, t := range n.trees {
		t.walk(func(t *tree) bool {
			for _, f := range t.resources {
				if g.onlyCold(f) {
					over[f.path] = []byte(leftOut)
				}
			}
			if t.dir != n.path {
				t.unname(over)
			}
			return true
		})
	}
}

// onlyCold tells whether a file holds nothing but Kustomizations that lead nowhere, and that emit nothing
// that another could ask for.
func (g *graph) onlyCold(f *file) bool {
	raw := g.rawIn[f]
	if len(raw) == 0 {
		return false
	}
	docs, err := g.decoded(f)
	other := func(d *yaml.Node) bool { return text(d, "kind") != "Kustomization" }
	return len(raw) == len(docs) && err == nil && !slices.ContainsFunc(docs, other) && allCold(raw) && !slices.ContainsFunc(raw, g.mayBeAsked)
}

func allCold(raw []*rawKustomization) bool {
	for _, k := range raw {
		if k.hot {
			return false
		}
	}
	return true
}

// quoted is what kustomize and its libraries quote of manifests in their messages.
var quoted = regexp.MustCompile(`(?s)( with config)?:? ?\x60[^\x60]*\x60|\[patch: .*\]|(literal|env) sources? \[.*?\]: |\(?invalid literal source .*|decoding \S.*?: |!!\w+ \x60[^\x60]*\x60|anchor '[^']*'|\{.*\}`)

// intoData is what a failed operation of a patch says of where it leads in a ConfigMap or Secret.
var intoData = regexp.MustCompile(`(?s)(testing value|path:|from:|key:)\s+["']?/(data|stringData)\b.*`)

// plain takes the mount point out of kustomize's messages, and what they quote of manifests, which may be
// secret.
func plain(err error) string {
	msg := strings.ReplaceAll(err.Error(), mount+"/", "")
	msg = strings.ReplaceAll(msg, mount, ".")
	msg = quoted.ReplaceAllStringFunc(msg, func(s string) string {
		if strings.HasPrefix(s, "invalid literal") {
			return "a literal is not key=value"
		}
		return "..."
	})
	msg = strings.ReplaceAll(msg, "......", "...")
	msg = intoData.ReplaceAllString(msg, "$1 /$2/...")
	if i := strings.LastIndex(msg, "cycle detected: "); i >= 0 { // the way there repeats itself
		msg = msg[i:]
	}
	return strings.Join(strings.Fields(msg), " ")
}
