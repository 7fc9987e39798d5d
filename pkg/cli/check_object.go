package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// objectMark tells the YAML or JSON of an object from dotenv.
var objectMark = regexp.MustCompile(`(?m)^(\s*\{|["']?(kind|apiVersion)["']?\s*:)`)

func looksLikeObject(data []byte) bool { return objectMark.Match(data) }

// parseObjects reads the data of ConfigMaps and Secrets, also in a List, in their order. Keys that can't be
// the name of a variable are left out.
func parseObjects(data []byte) ([]fluxrepo.Source, error) {
	var sources []fluxrepo.Source
	docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return sources, nil
		}
		if err != nil {
			return nil, &placed{message: err.Error()}
		}
		// By way of JSON, as Flux and kubectl do: decoded into a string at once, a number would be taken for one.
		var list struct {
			APIVersion string            `json:"apiVersion"`
			Kind       string            `json:"kind"`
			Items      []json.RawMessage `json:"items"`
		}
		node, err := kyaml.Parse(string(doc))
		if errors.Is(err, io.EOF) {
			continue // comments
		}
		if err == nil {
			doc, err = node.MarshalJSON()
		}
		if err == nil {
			err = json.Unmarshal(doc, &list)
		}
		if err != nil {
			return nil, errNoObject
		}
		objects := []json.RawMessage{doc}
		if list.APIVersion == "v1" && list.Kind == "List" { // of kubectl get
			objects = list.Items
		}
		for _, object := range objects {
			source, err := parseObject(object)
			if err != nil {
				return nil, err
			}
			sources = append(sources, source)
		}
	}
}

var errNoObject = &placed{message: "not the YAML of a ConfigMap or Secret"}

// parseObject never passes on an error of the decoder, which may show a value.
func parseObject(doc []byte) (source fluxrepo.Source, err error) {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"metadata"`
		SOPS any `json:"sops"`
	}
	if err := json.Unmarshal(doc, &head); err != nil {
		return source, errNoObject
	}
	if head.SOPS != nil {
		return source, errSealed
	}
	values := map[string]string{}
	switch head.APIVersion + " " + head.Kind {
	case " ": // null, or an empty map
	case "v1 ConfigMap":
		var cm corev1.ConfigMap
		if err := json.Unmarshal(doc, &cm); err != nil {
			return source, &placed{message: "a value in data of the ConfigMap is not a string"}
		}
		values = cm.Data
	case "v1 Secret":
		var secret corev1.Secret
		if err := json.Unmarshal(doc, &secret); err != nil {
			return source, &placed{message: "a value in data of the Secret is not base64, or one in stringData not a string"}
		}
		for name, value := range secret.Data {
			values[name] = string(value)
		}
		maps.Copy(values, secret.StringData)
	default:
		return source, &placed{message: "want a ConfigMap or Secret of v1, not kind " + validate.Quote(head.Kind) + " of " + validate.Quote(head.APIVersion)}
	}
	maps.DeleteFunc(values, func(name, _ string) bool { return !variableName.MatchString(name) })
	return fluxrepo.Source{Kind: head.Kind, Namespace: head.Metadata.Namespace, Name: head.Metadata.Name, Data: values}, nil
}
