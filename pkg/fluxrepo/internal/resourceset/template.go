package resourceset

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
	sprig "github.com/go-task/slim-sprig/v3"
	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
)

// Bounds of what the templates of one ResourceSet may do, in bytes: of what they run through, of what they print, and of what
// functions take and make.
const (
	maxWork  = 16 << 20
	maxValue = 4 << 20 // of one value, with all that is in it
	perItem  = 16
	perTurn  = 128
)

var errTooMuch = errors.New("does more than is followed")

// budget is what is left of the work, and what the template that runs has printed.
type budget struct {
	left    int
	printed []byte
}

// spend makes the template fail where nothing is left.
func (b *budget) spend(n int) {
	if b.left -= n; b.left < 0 || n > maxValue {
		panic(errTooMuch)
	}
}

// Write takes what the template prints.
func (b *budget) Write(p []byte) (int, error) {
	if b.left -= perTurn + len(p); b.left < 0 {
		return 0, errTooMuch
	}
	b.printed = append(b.printed, p...)
	return len(p), nil
}

// position is what text/template says of where it failed.
var position = regexp.MustCompile(`^template: resource:(\d+)(:\d+)?: (executing "[^"]*" at )?`)

// execute runs one template and reads the objects that it makes. It does so with Go's text/template, out of which the calls of a
// value's methods were taken: because of them the linker would keep every method of the program, a quarter of it. Only dates
// have any here.
func (b *budget) execute(text string, inputs map[string]any) ([]*yaml.Node, *Error) {
	t, err := template.New("resource").Delims("<<", ">>").Option("missingkey=error").Funcs(b.functions(inputs)).Parse(text)
	if err == nil {
		for _, each := range t.Templates() {
			watch(each.Root)
		}
		b.printed = nil
		err = t.Execute(b, nil)
	}
	if err != nil {
		bad := unfollowed("a template fails: %s", yamldoc.Redact(position.ReplaceAllLiteralString(err.Error(), "")))
		if at := position.FindStringSubmatch(err.Error()); at != nil {
			bad.Line, _ = strconv.Atoi(at[1])
		}
		return nil, bad
	}
	docs, err := yamldoc.Decode(b.printed)
	if err != nil {
		return nil, unfollowed("what a template makes %s", err)
	}
	return yamldoc.Objects(docs), nil
}

// watch has a template print nothing at the begin of each branch and turn in it, so that none is for free, and bounds what it
// prints before that is made a text.
func watch(list *parse.ListNode) {
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
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				shown := &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{parse.NewIdentifier("shown")}}
				n.Pipe.Cmds = append(n.Pipe.Cmds, shown)
			}
		}
		watch(of.List)
		watch(of.ElseList)
	}
	list.Nodes = slices.Insert(list.Nodes, 0, parse.Node(&parse.TextNode{NodeType: parse.NodeText}))
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// functions are those of flux-operator: the hermetic ones of slim-sprig, and a few of its own.
func (b *budget) functions(inputs map[string]any) template.FuncMap {
	funcs := sprig.HermeticTxtFuncMap()
	maps.Copy(funcs, template.FuncMap{
		"print": fmt.Sprint, "printf": printf, "println": fmt.Sprintln, // those of the language would not be bounded
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
		"mustToYaml": toYAML,
		"toYaml":     func(v any) string { out, _ := toYAML(v); return out }, // as flux-operator has it
		"slugify":    func(s string) string { return strings.Trim(notSlug.ReplaceAllString(strings.ToLower(s), "-"), "-") },
		"shown":      func(v any) any { return v },
	})
	for name, f := range funcs {
		funcs[name] = b.bounded(f, multiplies.MatchString(name))
	}
	funcs["inputs"] = func() map[string]any { return inputs }
	return funcs
}

func toYAML(v any) (string, error) {
	out, err := sigsyaml.Marshal(v)
	return strings.TrimSuffix(string(out), "\n"), err
}

// tooWide matches what pads a text to a hundred characters and more.
var tooWide = regexp.MustCompile(`%[^a-zA-Z%]*(\d{3}|\*)`)

func printf(format string, args ...any) string {
	if tooWide.MatchString(format) {
		panic(errTooMuch)
	}
	return fmt.Sprintf(format, args...)
}

// multiplies matches the functions that may make, or do, as much as the product of the sizes of their arguments.
var multiplies = regexp.MustCompile(`^(until|untilStep|seq|repeat|n?indent|printf|replace|join|trim[aA]ll|(must)?([wW]ithout|[uU]niq|[rR]egex.*))$`)

// bounded is a function that fails before it takes or makes too much.
func (b *budget) bounded(f any, multiplies bool) any {
	v := reflect.ValueOf(f)
	return reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
		most := 1
		for _, a := range args {
			b.spend(size(a, 0))
			most = min(most*min(amount(a), maxWork), maxWork)
		}
		if len(args) == 1 {
			most = min(most*most/perItem, maxWork) // of a list, each with each
		}
		if multiplies && most > maxValue {
			panic(errTooMuch)
		}
		call := v.Call
		if v.Type().IsVariadic() {
			call = v.CallSlice
		}
		out := call(args)
		b.spend(size(out[0], 0))
		return out
	}).Interface()
}

// amount is how often an argument may make a function do something: the number that it is, or else its size.
func amount(v reflect.Value) int {
	numbers, _ := reflect.TypeAssert[[]int](v)
	if v.Kind() == reflect.Int {
		numbers = []int{int(v.Int())}
	}
	most := size(v, 0)
	for _, n := range numbers {
		most = max(most, n, -(n + 1))
	}
	return most
}

// size adds what a value holds to a size, until that is too much: a map may have been put into itself.
func size(v reflect.Value, n int) int {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	n += perItem
	switch v.Kind() {
	case reflect.String:
		n += v.Len()
	case reflect.Slice:
		for i := 0; i < v.Len() && n <= maxValue; i++ {
			n = size(v.Index(i), n)
		}
	case reflect.Map:
		for each := v.MapRange(); n <= maxValue && each.Next(); {
			n = size(each.Key(), size(each.Value(), n))
		}
	default:
	}
	return n
}
