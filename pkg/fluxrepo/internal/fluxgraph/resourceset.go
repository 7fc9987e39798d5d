package fluxgraph

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"

	sprig "github.com/go-task/slim-sprig/v3"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/overlay"
	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Bounds of what a template may make.
const (
	maxRendered = 4 << 20 // in bytes
	maxCounted  = 10000   // that a function makes a list of, or repeats
	maxSteps    = 1 << 22 // through loops in loops
)

// resourceSet is what is read of a ResourceSet of flux-operator.
type resourceSet struct {
	Metadata struct{ Name, Namespace string } `json:"metadata"`
	Spec     struct {
		Inputs            []map[string]any `json:"inputs"`
		InputsFrom        []any            `json:"inputsFrom"`
		Resources         []any            `json:"resources"`
		ResourcesTemplate string           `json:"resourcesTemplate"`
		Steps             []struct {
			Resources         []any  `json:"resources"`
			ResourcesTemplate string `json:"resourcesTemplate"`
		} `json:"steps"`
	} `json:"spec"`
}

// render makes the objects of a ResourceSet out of its inline inputs, as flux-operator does: each of its templates
// once for each input. Templates see nothing but their input: no environment, no file, no network.
func render(text []byte) ([]*overlay.Object, error) {
	var set resourceSet
	if err := sigsyaml.Unmarshal(text, &set); err != nil {
		return nil, errors.New("is not a ResourceSet: " + overlay.Plain(err).Error())
	}
	if len(set.Spec.InputsFrom) > 0 {
		return nil, errors.New("its inputs come from a provider")
	}
	inputs := set.Spec.Inputs
	if len(inputs) == 0 {
		inputs = []map[string]any{nil}
	}
	templates := []string{set.Spec.ResourcesTemplate}
	resources := set.Spec.Resources
	for _, step := range set.Spec.Steps {
		templates, resources = append(templates, step.ResourcesTemplate), append(resources, step.Resources...)
	}
	for _, r := range resources {
		out, err := sigsyaml.Marshal(r)
		if err != nil {
			return nil, err
		}
		templates = append(templates, string(out))
	}
	var out []*overlay.Object
	left := maxRendered
	for _, t := range templates {
		for _, in := range inputs {
			rendered, err := execute(t, in, left)
			if err != nil {
				return nil, err
			}
			left -= len(rendered)
			docs, err := yamldoc.Decode(rendered)
			if err != nil {
				return nil, fmt.Errorf("what a template makes %w", err)
			}
			for _, d := range yamldoc.Objects(docs) {
				o := overlay.NewObject(d)
				if o.Namespace == "" && set.Metadata.Namespace != "" {
					o = inNamespace(d, set.Metadata.Namespace)
				}
				out = append(out, o)
			}
		}
	}
	return out, nil
}

// inNamespace is an object in the namespace of its ResourceSet.
func inNamespace(d *yaml.Node, ns string) *overlay.Object {
	if m := yamldoc.Child(d, "metadata"); m != nil && m.Kind == yaml.MappingNode {
		set(m, "namespace", ns)
	}
	return overlay.NewObject(d)
}

// execute runs one template.
func execute(text string, inputs map[string]any, room int) ([]byte, error) {
	funcs := functions(inputs)
	t, err := template.New("resource").Delims("<<", ">>").Option("missingkey=error").Funcs(funcs).Parse(text)
	if err != nil {
		return nil, errors.New("a template can't be read: " + yamldoc.Redact(err.Error()))
	}
	if steps(t.Root, longest(inputs)) > maxSteps || len(t.Templates()) > 1 {
		return nil, errors.New("a template has loops in loops, or templates of its own, which are not followed")
	}
	out := &bounded{room: room}
	if err := t.Execute(out, nil); err != nil {
		return nil, errors.New("a template fails: " + yamldoc.Redact(err.Error()))
	}
	return out.Bytes(), nil
}

// bounded is a buffer that refuses to grow without bound.
type bounded struct {
	bytes.Buffer
	room int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.room {
		return 0, fmt.Errorf("makes more than %d MiB", maxRendered>>20)
	}
	return b.Buffer.Write(p)
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// functions are those of flux-operator: the hermetic ones of slim-sprig, and a few of its own.
func functions(inputs map[string]any) template.FuncMap {
	funcs := sprig.HermeticTxtFuncMap()
	tooMany := errors.New("counts too far")
	for _, name := range []string{"until", "untilStep", "seq"} {
		delete(funcs, name)
	}
	funcs["until"] = func(n int) ([]int, error) {
		if n > maxCounted || n < -maxCounted {
			return nil, tooMany
		}
		var out []int
		for i := range n {
			out = append(out, i)
		}
		return out, nil
	}
	funcs["repeat"] = func(n int, s string) (string, error) {
		if n < 0 || n > maxCounted || n*len(s) > maxRendered {
			return "", tooMany
		}
		return strings.Repeat(s, n), nil
	}
	for name, prefix := range map[string]string{"indent": "", "nindent": "\n"} {
		funcs[name] = func(n int, s string) (string, error) {
			if n < 0 || n > 1000 {
				return "", tooMany
			}
			space := strings.Repeat(" ", n)
			return prefix + space + strings.ReplaceAll(s, "\n", "\n"+space), nil
		}
	}
	mustToYAML := func(v any) (string, error) {
		out, err := sigsyaml.Marshal(v)
		return strings.TrimSuffix(string(out), "\n"), err
	}
	funcs["mustToYaml"] = mustToYAML
	funcs["toYaml"] = func(v any) string { out, _ := mustToYAML(v); return out } // as flux-operator has it
	funcs["slugify"] = func(s string) string { return strings.Trim(notSlug.ReplaceAllString(strings.ToLower(s), "-"), "-") }
	funcs["inputs"] = func() map[string]any { return inputs }
	return funcs
}

// longest is the length of the longest list or map in a value.
func longest(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		n = max(n, len(v))
		for _, c := range v {
			n = max(n, longest(c))
		}
	case []any:
		n = max(n, len(v))
		for _, c := range v {
			n = max(n, longest(c))
		}
	}
	return n
}

// steps bounds how often the innermost part of a template is gone through.
func steps(n parse.Node, longest int) int {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return 0
		}
		total := 1
		for _, c := range n.Nodes {
			total = min(total+steps(c, longest), maxSteps+1)
		}
		return total
	case *parse.RangeNode:
		times := longest
		for _, c := range n.Pipe.Cmds {
			if len(c.Args) > 1 { // a function makes the list
				times = max(longest, maxCounted)
			}
		}
		return min(times*steps(n.List, longest)+steps(n.ElseList, longest), maxSteps+1)
	case *parse.IfNode:
		return min(steps(n.List, longest)+steps(n.ElseList, longest), maxSteps+1)
	case *parse.WithNode:
		return min(steps(n.List, longest)+steps(n.ElseList, longest), maxSteps+1)
	}
	return 1
}
