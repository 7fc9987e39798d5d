package admission

import (
	"encoding/json"
	jsonv2 "encoding/json/v2"
	"errors"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
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
		Chart *struct {
			Kind string `json:"kind"`
			Spec struct {
				Chart       string                                `json:"chart"`
				Version     string                                `json:"version"`
				SourceRef   *helmv2.CrossNamespaceObjectReference `json:"sourceRef"`
				ValuesFiles []string                              `json:"valuesFiles"`
				URL         string                                `json:"url"`
				Ref         *sourcev1.OCIRepositoryRef            `json:"ref"`
			} `json:"spec"`
		} `json:"chart"`
		ChartRef        *helmv2.CrossNamespaceSourceReference `json:"chartRef"`
		Suspend         bool                                  `json:"suspend"`
		ReleaseName     string                                `json:"releaseName"`
		TargetNamespace string                                `json:"targetNamespace"`
		ValuesFrom      []helmv2.ValuesReference              `json:"valuesFrom"`
		Values          json.RawMessage                       `json:"values"`
	} `json:"spec"`
}

var errNotHelmRelease = errors.New("expected a HelmRelease of helm.toolkit.fluxcd.io/v2 as the object")

// decode reads a HelmRelease as the API server would: field names are case-sensitive. The error quotes
// nothing of the object.
func decode(raw []byte) (*helmv2.HelmRelease, error) {
	var o object
	if len(raw) == 0 || jsonv2.Unmarshal(raw, &o, asTheAPIServer()) != nil {
		return nil, errNotHelmRelease
	}
	hr := &helmv2.HelmRelease{}
	hr.Name, hr.Namespace = o.Metadata.Name, o.Metadata.Namespace
	if d := string(o.Metadata.DeletionTimestamp); d != "" && d != "null" {
		hr.DeletionTimestamp = &metav1.Time{} // that it is there is all that counts
	}
	if chart := o.Spec.Chart; chart != nil {
		hr.Spec.Chart = &helmv2.HelmChartTemplate{Kind: chart.Kind, Spec: helmv2.HelmChartTemplateSpec{
			OCIRepositorySpec: sourcev1.OCIRepositorySpec{URL: chart.Spec.URL, Reference: chart.Spec.Ref},
			Chart:             chart.Spec.Chart, Version: chart.Spec.Version, SourceRef: chart.Spec.SourceRef, ValuesFiles: chart.Spec.ValuesFiles,
		}}
	}
	hr.Spec.ChartRef, hr.Spec.Suspend, hr.Spec.ReleaseName = o.Spec.ChartRef, o.Spec.Suspend, o.Spec.ReleaseName
	hr.Spec.TargetNamespace, hr.Spec.ValuesFrom = o.Spec.TargetNamespace, o.Spec.ValuesFrom
	if len(o.Spec.Values) > 0 {
		hr.Spec.Values = &apiextensionsv1.JSON{Raw: o.Spec.Values}
	}
	return hr, nil
}
