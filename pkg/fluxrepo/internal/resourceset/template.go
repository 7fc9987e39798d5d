package resourceset

import (
	"cmp"
	"context"
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

// Bounds of the templates that one Renderer renders, in bytes: of what all of them run through, print, and give to functions;
// of one of them; of what one makes, as yamldoc.Size counts it; and of what one call takes or makes.
const (
	maxWork  = 16 << 20
	maxText  = 1 << 20
	maxNodes = 512 << 10
	maxValue = 64 << 10

	perTurn = 512 // of a loop, or of a template that calls itself, beside a part of its text
	perItem = 16  // of a value
)

var errTooMuch = errors.New("does more than is followed")

// Renderer renders ResourceSets within one bound for all of them.
type Renderer struct {
	Work int // that was done so far, in bytes that are as many as maxWork at most

	ctx     context.Context //nolint:containedctx // it lives for one check
	funcs   template.FuncMap
	inputs  map[string]any // of the template that runs
	turn    int            // what one takes in it
	printed []byte         // by it
}

// New is a renderer that has done nothing yet.
func New(ctx context.Context) *Renderer {
	r := &Renderer{ctx: ctx}
	r.funcs = r.functions()
	return r
}

// spend does some more work, if there is time for it.
func (r *Renderer) spend(n int) error {
	if r.Work += n; r.Work > maxWork || r.ctx.Err() != nil {
		return errTooMuch
	}
	return nil
}

// Write takes what a template prints; nothing at the begin of each turn, see watch.
func (r *Renderer) Write(p []byte) (int, error) {
	r.printed = append(r.printed, p...)
	return len(p), r.spend(cmp.Or(len(p), r.turn))
}

// execute runs a template with each of some inputs and reads the objects that it makes. It does so with Go's text/template, out
// of which the calls of a value's methods were taken: because of them the linker would keep every method of the program, a
// quarter of it. Only dates have any here.
func (r *Renderer) execute(from any, inputs []map[string]any) ([]*yaml.Node, error) {
	name := "resourcesTemplate"
	text, isText := from.(string)
	if !isText {
		name = "resources"
		text, _ = toYAML(from) // it was decoded
	}
	if len(text) > maxText {
		return nil, errTooMuch
	}
	t, err := template.New(name).Delims("<<", ">>").Option("missingkey=error").Funcs(r.funcs).Parse(text)
	if err != nil {
		return nil, err
	}
	for _, each := range t.Templates() {
		watch(each.Root)
	}
	r.turn, r.printed = perTurn+len(text)/4, nil
	for _, r.inputs = range inputs {
		if err := t.Execute(r, nil); err != nil {
			return nil, err
		}
		r.printed = append(r.printed, "\n---\n"...)
	}
	if yamldoc.Size(r.printed) > maxNodes {
		return nil, errTooMuch
	}
	docs, err := yamldoc.Decode(r.printed)
	if err != nil {
		err = fmt.Errorf("what it makes %w", err)
	}
	return yamldoc.Objects(docs), err
}

// watch has a template print nothing at the begin of each branch and turn in it, so that none is for free, and counts what it
// runs through.
func watch(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		var of parse.BranchNode
		switch n := n.(type) {
		case *parse.RangeNode:
			of = n.BranchNode
			counted := &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{parse.NewIdentifier("counted")}}
			n.Pipe.Cmds = append(n.Pipe.Cmds, counted)
		case *parse.IfNode:
			of = n.BranchNode
		case *parse.WithNode:
			of = n.BranchNode
		}
		watch(of.List)
		watch(of.ElseList)
	}
	list.Nodes = slices.Insert(list.Nodes, 0, parse.Node(&parse.TextNode{NodeType: parse.NodeText}))
}

// refused are functions that are not followed: they take longer than their arguments show, change a value that others hold, or
// don't always give the same.
var refused = regexp.MustCompile(`^((must)?([rR]egex.*|[uU]niq)|seq|set|ago|randInt)$`)

// functions are those of flux-operator: the hermetic ones of slim-sprig, and a few of its own.
func (r *Renderer) functions() template.FuncMap {
	funcs := sprig.HermeticTxtFuncMap()
	maps.Copy(funcs, template.FuncMap{
		"print": fmt.Sprint, "printf": printf, "println": fmt.Sprintln, // those of the language would not be bounded
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
		"mustToYaml": toYAML,
		"toYaml":     func(v any) string { out, _ := toYAML(v); return out }, // as flux-operator has it
		"slugify":    func(s string) string { return strings.Trim(notSlug.ReplaceAllString(strings.ToLower(s), "-"), "-") },
		"counted":    func(v any) any { return v },
	})
	for name, f := range funcs {
		funcs[name] = r.bounded(f)
	}
	maps.DeleteFunc(funcs, func(name string, _ any) bool { return refused.MatchString(name) })
	funcs["inputs"] = func() map[string]any { return r.inputs }
	return funcs
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

func toYAML(v any) (string, error) {
	out, err := sigsyaml.Marshal(v)
	return strings.TrimSuffix(string(out), "\n"), err
}

// tooWide matches what pads a text to a hundred characters and more.
var tooWide = regexp.MustCompile(`%[^a-zA-Z%]*(\d{3}|\*)`)

func printf(format string, args ...any) (string, error) {
	if tooWide.MatchString(format) {
		return "", errTooMuch
	}
	return fmt.Sprintf(format, args...), nil
}

// bounded is a function that fails before it takes too much, or may make as much as the product of its arguments, and when it
// made too much.
func (r *Renderer) bounded(f any) any {
	v := reflect.ValueOf(f)
	return reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
		sum, product := 0, 1
		for _, a := range args {
			n := size(a, 0, 0)
			if a.Kind() == reflect.Int { // it may say how often to do something
				n += min(max(int(a.Int()), ^int(a.Int()))/4, maxWork)
			}
			sum, product = sum+n, min(product*n, maxWork<<8)
		}
		r.call(max(sum, product>>8))
		call := v.Call
		if v.Type().IsVariadic() {
			call = v.CallSlice
		}
		out := call(args)
		r.call(size(out[0], 0, 0))
		return out
	}).Interface()
}

// call makes a function fail that takes or makes too much.
func (r *Renderer) call(n int) {
	if n > maxValue || r.spend(n) != nil {
		panic(errTooMuch)
	}
}

// size adds what a value holds to a size, until that is too much. What lies deep counts for the space before it when it is
// printed.
func size(v reflect.Value, n, depth int) int {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	n += perItem + 2*depth
	switch v.Kind() {
	case reflect.String:
		n += v.Len()
	case reflect.Slice:
		for i := 0; i < v.Len() && n <= maxValue; i++ {
			n = size(v.Index(i), n, depth+1)
		}
	case reflect.Map:
		for each := v.MapRange(); n <= maxValue && each.Next(); {
			n = size(each.Key(), size(each.Value(), n, depth+1), depth)
		}
	default:
	}
	return n
}
