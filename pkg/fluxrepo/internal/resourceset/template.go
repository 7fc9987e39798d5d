package resourceset

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
	sprig "github.com/go-task/slim-sprig/v3"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Bounds of what the templates of one ResourceSet may do: of the bytes that they print and functions make. An element
// of a list, and a turn of a loop, count as many.
const (
	maxWork   = 8 << 20
	maxResult = 4 << 20 // of one function
	perItem   = 16
	perTurn   = 64
)

var errTooMuch = errors.New("does more than is followed")

// budget is what is left of the work.
type budget struct{ left int }

func (b *budget) spend(n int) error {
	if b.left -= n; b.left < 0 || n > maxResult {
		return errTooMuch
	}
	return nil
}

// output is what a template prints.
type output struct {
	bytes.Buffer
	left *budget
}

func (o *output) Write(p []byte) (int, error) {
	if err := o.left.spend(len(p)); err != nil {
		return 0, err
	}
	return o.Buffer.Write(p)
}

const delimLeft, delimRight = "<<", ">>"

// execute runs one template and reads the objects that it makes. It does so with Go's text/template, out of which the calls of a
// value's methods were taken: because of them the linker would keep every method of the program, a quarter of it. Only dates
// have any here.
func execute(text string, inputs map[string]any, left *budget) ([]*yaml.Node, *Error) {
	funcs := functions(inputs, left)
	t, err := template.New("resource").Delims(delimLeft, delimRight).Option("missingkey=error").Funcs(funcs).Parse(text)
	if err != nil {
		return nil, unfollowed("a template can't be read: %s", yamldoc.Redact(err.Error()))
	}
	turn := template.Must(template.New("turn").Delims(delimLeft, delimRight).Funcs(funcs).Parse("<< turn >>"))
	for _, each := range t.Templates() {
		count(each.Root, turn.Root.Nodes[0])
	}
	out := &output{left: left}
	if err := t.Execute(out, nil); err != nil {
		return nil, unfollowed("a template fails: %s", yamldoc.Redact(err.Error()))
	}
	docs, err := yamldoc.Decode(out.Bytes())
	if err != nil {
		return nil, unfollowed("what a template makes %w", err)
	}
	return yamldoc.Objects(docs), nil
}

// count puts a node at the beginning of a template, and of what its loops repeat.
func count(list *parse.ListNode, turn parse.Node) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		var of parse.BranchNode
		switch n := n.(type) {
		case *parse.RangeNode:
			of = n.BranchNode
		case *parse.IfNode:
			of = n.BranchNode
		case *parse.WithNode:
			of = n.BranchNode
		}
		count(of.List, turn)
		count(of.ElseList, turn)
	}
	list.Nodes = append([]parse.Node{turn}, list.Nodes...)
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// functions are those of flux-operator: the hermetic ones of slim-sprig, and a few of its own.
func functions(inputs map[string]any, left *budget) template.FuncMap {
	funcs := sprig.HermeticTxtFuncMap()
	maps.Copy(funcs, template.FuncMap{
		"print": fmt.Sprint, "printf": fmt.Sprintf, "println": fmt.Sprintln, // those of the language would not be bounded
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
		"mustToYaml": toYAML,
		"toYaml":     func(v any) string { out, _ := toYAML(v); return out }, // as flux-operator has it
		"slugify":    func(s string) string { return strings.Trim(notSlug.ReplaceAllString(strings.ToLower(s), "-"), "-") },
	})
	for name, f := range funcs {
		funcs[name] = bounded(f, left, multiplies(name))
	}
	funcs["inputs"] = func() map[string]any { return inputs }
	funcs["turn"] = func() (string, error) { return "", left.spend(perTurn) }
	return funcs
}

// multiplies reports whether a function may make, or do, as much as the product of the sizes of its arguments.
func multiplies(name string) bool {
	return slices.Contains(strings.Fields("until untilStep seq repeat indent nindent printf replace join without mustWithout trimAll trimall uniq"+
		" mustUniq regexReplaceAll mustRegexReplaceAll regexReplaceAllLiteral mustRegexReplaceAllLiteral"), name)
}

func toYAML(v any) (string, error) {
	out, err := sigsyaml.Marshal(v)
	return strings.TrimSuffix(string(out), "\n"), err
}

// bounded is a function that takes what it makes from a budget, and that fails before it makes too much, if its arguments
// say how much that could be.
func bounded(f any, left *budget, multiplies bool) any {
	v := reflect.ValueOf(f)
	return reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
		most := 1
		for _, a := range args {
			most = min(most*min(max(size(a), 1), maxWork), maxWork)
		}
		if len(args) == 1 {
			most = min(most*most/perItem, maxWork) // of a list, each with each
		}
		if multiplies && most > maxResult {
			panic(errTooMuch) // the template fails with it
		}
		call := v.Call
		if v.Type().IsVariadic() {
			call = v.CallSlice
		}
		out := call(args)
		if err := left.spend(size(out[0])); err != nil {
			panic(err)
		}
		return out
	}).Interface()
}

// size is what a text or list costs; of a number, that of as long a text.
func size(v reflect.Value) int {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Int:
		return int(max(v.Int(), -(v.Int() + 1)))
	case reflect.String:
		return v.Len()
	case reflect.Slice, reflect.Map:
		n := v.Len() * perItem
		if numbers, ok := reflect.TypeAssert[[]int](v); ok && len(numbers) > 0 {
			n = max(n, slices.Max(numbers), -(slices.Min(numbers) + 1))
		}
		return n
	default:
		return 1
	}
}
