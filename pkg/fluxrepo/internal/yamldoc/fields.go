package yamldoc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	sigsyaml "sigs.k8s.io/yaml"
)

// Fields reads an object and keeps some of its fields, each named by the keys that lead to it: spec.path. On the way, a
// list stands for all of its items. So what is wrong with another field does no harm.
func Fields(text []byte, fields ...string) (map[string]any, error) {
	doc, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber() // a number stays as it is written
	if err := dec.Decode(&out); err != nil {
		return nil, WrongType(err)
	}
	prune(out, "", fields)
	return out, nil
}

func prune(v any, above string, fields []string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			prune(item, above, fields)
		}
	case map[string]any:
		maps.DeleteFunc(v, func(key string, _ any) bool {
			return !slices.ContainsFunc(fields, func(f string) bool { return f == above+key || strings.HasPrefix(f, above+key+".") })
		})
		for key, below := range v {
			if !slices.Contains(fields, above+key) {
				prune(below, above+key+".", fields)
			}
		}
	}
}

// Read decodes an object into a Go value. What is not in that does no harm.
func Read(text []byte, to any) error {
	doc, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	return WrongType(json.Unmarshal(doc, to))
}

// FieldError is a field that holds what it can't.
type FieldError struct {
	Field   string // spec.patches[1].patch; empty for the object itself
	Problem string // what follows its name
}

// Error says which field it is, and what is wrong with it.
func (e *FieldError) Error() string { return cmp.Or(e.Field, "the object") + e.Problem }

// Into decodes the fields of an object into a Go value. What has another type is a FieldError.
func Into(fields map[string]any, to any) error {
	doc, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return WrongType(json.Unmarshal(doc, to))
}

// WrongType says in words of YAML which field has another type.
func WrongType(err error) error {
	bad, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	got, _, _ := strings.Cut(bad.Value, " ") // a number comes with its digits
	return &FieldError{position.ReplaceAllString(bad.Field, "[$1]"), " is " + inYAML(got) + "; want " + inYAML(bad.Type.Kind().String())}
}

var position = regexp.MustCompile(`\.(\d+)`)

// inYAML is the word of YAML for a type of JSON, or a kind of Go.
func inYAML(kind string) string {
	words := map[string]string{
		"object": "a map", "struct": "a map", "map": "a map", "array": "a list", "slice": "a list", "string": "a text", "bool": "true or false",
	}
	return cmp.Or(words[kind], "a number")
}

var step = regexp.MustCompile(`[^.\[\]]+`)

// Steps is a field such as spec.template.spec.initContainers[0].args[4], step by step.
func Steps(field string) (path []any) {
	for _, s := range step.FindAllString(field, -1) {
		if i, err := strconv.Atoi(s); err == nil {
			path = append(path, i)
		} else {
			path = append(path, s)
		}
	}
	return path
}
