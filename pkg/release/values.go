package release

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/chartutil"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// merge computes the effective values: those that helm-controller would pass to Helm, over those that
// the chart brings.
func (r *Release) merge() {
	if _, _, isMap := parts(r.inline); !isMap && r.inline != nil {
		r.values = r.inline // helm-controller drops such values without a word; the rules say so
		return
	}
	if r.variables != nil {
		r.layers() // which meets them
	}
	known := len(r.open()) == 0
	if known {
		r.values, known = r.merged()
	}
	if !known {
		r.values = overlay(r.layers(), r.open())
	}
	var below any
	if r.defaults != nil {
		below = validate.Open{Reasons: []int{len(r.refs)}}
	}
	for _, l := range r.chart {
		below = lay(below, l.tree)
	}
	if r.values == nil {
		r.values = below
	} else if below != nil {
		r.values = lay(below, r.values)
	}
}

// merged is what helm-controller would pass to Helm. Each reference is handed to chartutil as an object of its own, so that the
// merge itself, with the order of references, targetPath and what both do to the inline values, is Flux's and not ours. One
// that can't be merged counts as unread.
func (r *Release) merged() (values any, ok bool) {
	var use []helmv2.ValuesReference
	for i, ref := range r.refs {
		if ref.wasRead() {
			vf := ref.ValuesReference
			vf.Kind, vf.Name, vf.ValuesKey = "ConfigMap", strconv.Itoa(i), ""
			use = append(use, vf)
		}
	}
	if len(use) == 0 {
		return r.inline, true
	}
	top, _ := r.inline.(map[string]any) // chartutil writes into it, so it gets a copy
	out, err := chartutil.ChartValuesFromReferences(context.Background(), logr.Discard(), texts{refs: r.refs}, "", runtime.DeepCopyJSON(top), use...)
	if err == nil {
		return map[string]any(out), true
	}
	name := use[0].Name // chartutil names the reference in every error that our texts leave possible
	if failed, ok := errors.AsType[*chartutil.ErrValuesReference](err); ok {
		name = failed.Name.Name
	}
	bad, _ := strconv.Atoi(name)
	r.refs[bad].unread = unmergeable
	if errors.Is(err, chartutil.ErrValuesDataRead) {
		r.refs[bad].unread = notYAML
	}
	return nil, false
}

// texts serves references as ConfigMaps to chartutil, which asks its client for nothing but Get. Each is named by its index.
type texts struct {
	client.Client
	refs []reference
}

func (t texts) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	i, err := strconv.Atoi(key.Name)
	cm, ok := obj.(*corev1.ConfigMap)
	if err != nil || !ok {
		return fmt.Errorf("no text for %s", key.Name)
	}
	cm.Data = map[string]string{"values.yaml": t.refs[i].data}
	return nil
}

// overlay lays layers over each other, the first at the bottom. open says why something in them is not known.
//
// A targetPath may win over later layers and over spec.values, or lose to them, which depends on all layers
// before it (docs/adr/0004). So beside anything unknown, what it names is unknown, whatever lies where.
func overlay(layers []layer, open []int) any {
	var values any = map[string]any{}
	for _, l := range layers {
		if !l.target && l.tree != nil {
			values = lay(values, l.tree)
		}
	}
	for _, l := range layers {
		if l.target {
			reasons := l.unknown
			if reasons == nil {
				reasons = open
			}
			values = lay(values, named(l.tree, values, validate.Unknown{Reasons: reasons}))
		}
	}
	return values
}

// named is what a targetPath names, as far as rules read: a key at the top of the values, or one below spegel, with
// something unknown at each. If spegel is no map, nothing can be set below it: either it comes later, or the release
// is not installed.
func named(tree, values any, unknown validate.Unknown) map[string]any {
	out := map[string]any{}
	keys, _, _ := parts(tree)
	for key, value := range keys {
		below, _, isMap := parts(value)
		if key != spegelKey || !isMap {
			out[key] = unknown
		} else if spegel, set := lookup(values, validate.Path{spegelKey}); !set || mayBeMap(spegel) {
			inner := map[string]any{}
			for key := range below {
				inner[key] = unknown
			}
			out[key] = inner
		}
	}
	return out
}

func mayBeMap(node any) bool {
	_, reasons, isMap := parts(node)
	return isMap || reasons != nil
}
