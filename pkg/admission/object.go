package admission

import (
	"bytes"
	"cmp"
	"encoding/json"
	jsonv2 "encoding/json/v2"
	"fmt"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	admissionv1 "k8s.io/api/admission/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// object is the part of a HelmRelease that a review looks at. The rest is not decoded: it is none of the
// guard's business, and a field that Go can't read must not hold up a suspension.
type object struct {
	Metadata struct {
		Name              string          `json:"name"`
		Namespace         string          `json:"namespace"`
		DeletionTimestamp json.RawMessage `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		Chart           *helmv2.HelmChartTemplate             `json:"chart"`
		ChartRef        *helmv2.CrossNamespaceSourceReference `json:"chartRef"`
		Suspend         bool                                  `json:"suspend"`
		ReleaseName     string                                `json:"releaseName"`
		TargetNamespace string                                `json:"targetNamespace"`
		ValuesFrom      []helmv2.ValuesReference              `json:"valuesFrom"`
		Values          json.RawMessage                       `json:"values"`
	} `json:"spec"`
}

// decode reads a HelmRelease of a namespace.
func decode(raw []byte, namespace string) (*helmv2.HelmRelease, error) {
	var o object
	if err := decodeInto(raw, &o, "a HelmRelease of helm.toolkit.fluxcd.io/v2"); err != nil {
		return nil, err
	}
	hr := &helmv2.HelmRelease{}
	hr.Name, hr.Namespace = o.Metadata.Name, cmp.Or(o.Metadata.Namespace, namespace)
	if d := string(o.Metadata.DeletionTimestamp); d != "" && d != "null" {
		hr.DeletionTimestamp = &metav1.Time{} // that it is there is all that counts
	}
	hr.Spec = helmv2.HelmReleaseSpec{
		Chart: o.Spec.Chart, ChartRef: o.Spec.ChartRef, Suspend: o.Spec.Suspend, ReleaseName: o.Spec.ReleaseName,
		TargetNamespace: o.Spec.TargetNamespace, ValuesFrom: o.Spec.ValuesFrom,
	}
	if len(o.Spec.Values) > 0 {
		hr.Spec.Values = &apiextensionsv1.JSON{Raw: o.Spec.Values}
	}
	return hr, nil
}

// decodeInto reads an object as the API server would: field names are case-sensitive. The error says what was expected, and quotes
// nothing of the object.
func decodeInto(raw []byte, obj any, what string) error {
	if len(raw) == 0 || jsonv2.Unmarshal(raw, obj, asTheAPIServer()) != nil {
		return fmt.Errorf("expected %s as the object", what)
	}
	return nil
}

// specChanges compares what the API server sends of the specs, which has its keys in order. At a create there is no old one.
func specChanges(req *admissionv1.AdmissionRequest) bool {
	var is, was struct {
		Spec json.RawMessage `json:"spec"`
	}
	if json.Unmarshal(req.OldObject.Raw, &was) != nil || json.Unmarshal(req.Object.Raw, &is) != nil {
		return true
	}
	return !bytes.Equal(is.Spec, was.Spec)
}
