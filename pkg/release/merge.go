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

// merged is what helm-controller would pass to Helm. Where stand is not nil, its entries stand in for
// the references of the same index; other references that were not read are left out. On an error, bad
// is the index of the reference that chartutil could not merge, or -1.
//
// Each reference is handed to chartutil as an object of its own, so that the merge itself, with the
// order of references, targetPath and what both do to the inline values, is Flux's and not ours.
func merged(inline any, refs []reference, stand map[int]string) (values any, bad int, err error) {
	if len(refs) == 0 {
		return inline, -1, nil
	}
	top, ok := inline.(map[string]any)
	if !ok && inline != nil {
		return inline, -1, nil // helm-controller fails on such values; the rules say so
	}
	objects := texts{data: map[string]string{}}
	var use []helmv2.ValuesReference
	for i, ref := range refs {
		text, standsIn := stand[i]
		if !standsIn {
			if ref.empty || ref.unread != "" {
				continue
			}
			text = ref.data
		}
		name := strconv.Itoa(i)
		objects.data[name] = text
		vf := ref.ValuesReference
		vf.Kind, vf.Name, vf.ValuesKey, vf.Optional = "ConfigMap", name, "", false
		use = append(use, vf)
	}
	// chartutil writes into the inline values, so each merge gets a copy
	out, err := chartutil.ChartValuesFromReferences(context.Background(), logr.Discard(), objects, "", runtime.DeepCopyJSON(top), use...)
	if err != nil {
		var refErr *chartutil.ErrValuesReference
		if errors.As(err, &refErr) {
			if i, convErr := strconv.Atoi(refErr.Name.Name); convErr == nil {
				return nil, i, err
			}
		}
		return nil, -1, err
	}
	return map[string]any(out), -1, nil
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
