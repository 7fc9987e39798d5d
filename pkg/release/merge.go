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
)

// merged is what helm-controller would pass to Helm. On an error, bad is the index of the reference that
// chartutil could not merge.
//
// Each reference is handed to chartutil as an object of its own, so that the merge itself, with the
// order of references, targetPath and what both do to the inline values, is Flux's and not ours.
func merged(inline any, refs []reference) (values any, bad int, err error) {
	objects := texts{data: map[string]string{}}
	var use []helmv2.ValuesReference
	for i, ref := range refs {
		if !ref.wasRead() {
			continue
		}
		name := strconv.Itoa(i)
		objects.data[name] = ref.data
		vf := ref.ValuesReference
		vf.Kind, vf.Name, vf.ValuesKey = "ConfigMap", name, ""
		use = append(use, vf)
	}
	if len(use) == 0 {
		return inline, 0, nil
	}
	top, _ := inline.(map[string]any) // chartutil writes into it, so it gets a copy
	out, err := chartutil.ChartValuesFromReferences(context.Background(), logr.Discard(), objects, "", runtime.DeepCopyJSON(top), use...)
	if err != nil {
		name := use[0].Name // chartutil names the reference in every error that our texts leave possible
		if failed, ok := errors.AsType[*chartutil.ErrValuesReference](err); ok {
			name = failed.Name.Name
		}
		bad, _ := strconv.Atoi(name)
		return nil, bad, err
	}
	return map[string]any(out), 0, nil
}

// texts serves strings as ConfigMaps to chartutil, which asks its client for nothing but Get.
type texts struct {
	client.Client
	data map[string]string
}

func (t texts) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	cm, ok := obj.(*corev1.ConfigMap)
	text, found := t.data[key.Name]
	if !ok || !found {
		return fmt.Errorf("no text for %s", key.Name)
	}
	cm.Data = map[string]string{"values.yaml": text}
	return nil
}
