package cluster

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Manifests are the objects that a kustomization renders, in kustomize's order.
type Manifests []*unstructured.Unstructured

// Render builds the kustomization in dir, as "kubectl kustomize" would.
func Render(dir string) (Manifests, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", dir, err)
	}
	objects := make(Manifests, 0, built.Size())
	for _, resource := range built.Resources() {
		content, err := resource.Map()
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", dir, err)
		}
		objects = append(objects, &unstructured.Unstructured{Object: content})
	}
	return objects, nil
}

// OfKind returns the objects of the kinds named, in their order.
func (m Manifests) OfKind(kinds ...string) Manifests {
	var found Manifests
	for _, object := range m {
		if slices.Contains(kinds, object.GetKind()) {
			found = append(found, object)
		}
	}
	return found
}

// Deployment returns the only Deployment.
func (m Manifests) Deployment() (*appsv1.Deployment, error) {
	return only[appsv1.Deployment](m, "Deployment")
}

// Container returns the Deployment's first container.
func (m Manifests) Container() (corev1.Container, error) {
	deployment, err := m.Deployment()
	if err != nil {
		return corev1.Container{}, err
	}
	if len(deployment.Spec.Template.Spec.Containers) == 0 {
		return corev1.Container{}, errors.New("the Deployment has no container")
	}
	return deployment.Spec.Template.Spec.Containers[0], nil
}

// WebhookConfiguration returns the only ValidatingWebhookConfiguration.
func (m Manifests) WebhookConfiguration() (*admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	return only[admissionregistrationv1.ValidatingWebhookConfiguration](m, "ValidatingWebhookConfiguration")
}

// Policy returns the policy file that the Deployment's first container finds at the path of its --config
// flag: through its volume mount, the volume and the ConfigMap behind it.
func (m Manifests) Policy() ([]byte, error) {
	deployment, err := m.Deployment()
	if err != nil {
		return nil, err
	}
	pod := deployment.Spec.Template.Spec
	file, ok := flagValue(pod.Containers[0].Args, "--config")
	if !ok {
		return nil, errors.New("find the policy: the Deployment passes no --config=FILE")
	}
	mount := slices.IndexFunc(pod.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool {
		return m.MountPath == path.Dir(file)
	})
	if mount < 0 {
		return nil, fmt.Errorf("find the policy: no volume is mounted at %s", path.Dir(file))
	}
	name := pod.Containers[0].VolumeMounts[mount].Name
	volume := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == name && v.ConfigMap != nil })
	if volume < 0 {
		return nil, fmt.Errorf("find the policy: volume %s is no ConfigMap", name)
	}
	for _, object := range m.OfKind("ConfigMap") {
		if object.GetName() != pod.Volumes[volume].ConfigMap.Name {
			continue
		}
		content, found, err := unstructured.NestedString(object.Object, "data", path.Base(file))
		if err != nil || !found {
			return nil, fmt.Errorf("find the policy: ConfigMap %s has no text under %s", object.GetName(), path.Base(file))
		}
		return []byte(content), nil
	}
	return nil, fmt.Errorf("find the policy: no ConfigMap %s", pod.Volumes[volume].ConfigMap.Name)
}

// only decodes the single object of a kind into its Go type.
func only[T any](m Manifests, kind string) (*T, error) {
	found := m.OfKind(kind)
	if len(found) != 1 {
		return nil, fmt.Errorf("expected one %s in the manifests, found %d", kind, len(found))
	}
	object := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found[0].Object, object); err != nil {
		return nil, fmt.Errorf("decode %s %s: %w", kind, found[0].GetName(), err)
	}
	return object, nil
}

// flagValue returns the value of a flag that is written as --name=value.
func flagValue(args []string, name string) (string, bool) {
	for _, arg := range args {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// withFlag returns args with the flag set to value, in place if it was there as --name=value.
func withFlag(args []string, name, value string) []string {
	for i, arg := range args {
		if strings.HasPrefix(arg, name+"=") {
			out := slices.Clone(args)
			out[i] = name + "=" + value
			return out
		}
	}
	return append(slices.Clone(args), name+"="+value)
}
