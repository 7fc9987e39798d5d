package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// objectMark tells the YAML or JSON of an object from dotenv.
var objectMark = regexp.MustCompile(`(?m)^(\s*\{|["']?(kind|apiVersion)["']?\s*:)`)

// errNoObject is said in place of an error of a decoder, which may show a value.
var errNoObject = errors.New("want ConfigMaps or Secrets of v1, with values that are strings (in data of a Secret, base64)")

// parseObjects reads the data of ConfigMaps and Secrets, also in a List, in their order.
func parseObjects(file string, data []byte) (sources []fluxrepo.Source, err error) {
	docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return sources, nil
		}
		// By way of JSON, as Flux and kubectl do: decoded into a string at once, a number would be taken for one.
		var node *kyaml.RNode
		if err == nil {
			node, err = kyaml.Parse(string(doc))
		}
		if errors.Is(err, io.EOF) {
			continue // comments
		}
		if err == nil {
			doc, err = node.MarshalJSON()
		}
		if err == nil {
			sources, err = addObjects(sources, doc)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, errNoObject)
		}
	}
}

func addObjects(sources []fluxrepo.Source, doc []byte) ([]fluxrepo.Source, error) {
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(doc, nil, nil)
	if err != nil {
		return nil, err
	}
	switch o := object.(type) {
	case *corev1.List: // of kubectl get
		for _, item := range o.Items {
			if sources, err = addObjects(sources, item.Raw); err != nil {
				return nil, err
			}
		}
		return sources, nil
	case *corev1.ConfigMap:
		return append(sources, fluxrepo.Source{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Data: o.Data}), nil
	case *corev1.Secret:
		values := map[string]string{}
		for name, value := range o.Data {
			values[name] = string(value)
		}
		maps.Copy(values, o.StringData)
		return append(sources, fluxrepo.Source{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Data: values}), nil
	}
	return nil, errNoObject
}
