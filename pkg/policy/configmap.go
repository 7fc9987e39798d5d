package policy

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Key is where a ConfigMap holds the policy file, as the manifests mount it.
const Key = "policy.yaml"

// unwrap returns the policy file inside a ConfigMap, so that a repository and its cluster can share one file. A document
// that is no ConfigMap is the policy itself.
func unwrap(in document) (document, error) {
	var cm struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Data       map[string]yaml.Node
	}
	_ = in.root.Decode(&cm) // what does not fit stays empty
	if cm.APIVersion != "v1" || cm.Kind != "ConfigMap" {
		return in, nil
	}
	value, ok := cm.Data[Key]
	if !ok {
		return in, fmt.Errorf("%s:%d: data: a ConfigMap without the key %s, which has to hold the policy", in.name, in.line(resolve(in.root).Line), Key)
	}
	text := resolve(&value)
	if text.Kind != yaml.ScalarNode || text.Tag != "!!str" {
		return in, fmt.Errorf("%s:%d: data.%s: %s; want a string", in.name, in.line(text.Line), Key, describe(text))
	}
	line := func(int) int { return text.Line } // where lines are folded or escaped, the first is all that is known
	if text.Style == yaml.LiteralStyle {
		line = func(n int) int { return text.Line + n }
	}
	return read(in.name, []byte(text.Value), line)
}
