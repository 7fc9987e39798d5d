package cli

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/kyaml/kio"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// objectMark tells the YAML or JSON of an object from dotenv.
var objectMark = regexp.MustCompile(`(?m)^(\s*\{|["']?(kind|apiVersion)["']?\s*:)`)

// errNoObject is said in place of an error of a decoder, which may show a value.
var errNoObject = errors.New("want ConfigMaps or Secrets of v1, with values that are strings (in data of a Secret, base64)")

// parseObjects reads the data of ConfigMaps and Secrets, also in a List, in their order.
func parseObjects(file string, data []byte) (sources []fluxrepo.Source, err error) {
	docs, err := (&kio.ByteReader{Reader: bytes.NewReader(data), OmitReaderAnnotations: true, DisableUnwrapping: true}).Read()
	for i := 0; err == nil && i < len(docs); i++ {
		// By way of JSON, as Flux and kubectl do: decoded into a string at once, a number would be taken for one.
		var doc []byte
		if doc, err = docs[i].MarshalJSON(); err == nil {
			sources, err = addObjects(sources, doc)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, errNoObject)
	}
	return sources, nil
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

// dotenvLine is NAME=VALUE: after an optional export, with a value that may stand in quotes, and an optional comment. Not all of
// its names are such as Flux substitutes.
var dotenvLine = regexp.MustCompile(`^(?:export\s+)?([-._a-zA-Z0-9]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"\s*(?:#.*)?|'([^']*)'\s*(?:#.*)?|((?:[^"'].*?)?)(?:\s+#.*)?)$`)

// parseDotenv reads NAME=VALUE, one a line, among blank lines and comments.
func parseDotenv(file string, data []byte) ([]fluxrepo.Source, error) {
	// Double quotes are read as a shell reads them. Nothing is expanded, because a password may hold a dollar sign.
	unescape := strings.NewReplacer(`\n`, "\n", `\"`, `"`, `\\`, `\`, `\$`, `$`)
	vars := map[string]string{}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := dotenvLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: want NAME=VALUE, with quotes closed, or the YAML of a ConfigMap or Secret", file, number)
		}
		vars[m[1]] = unescape.Replace(m[2]) + m[3] + m[4]
	}
	return []fluxrepo.Source{{Data: vars}}, nil
}
