package release

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Origin is where a value comes from. The zero value is spec.values.
type Origin struct {
	Kind, Namespace, Name, Key string // of a reference of spec.valuesFrom
	Index                      int    // of that reference
}

func (o Origin) field(p validate.Path) string {
	if o.Kind == "" {
		return p.Under(field.NewPath("spec", "values")).String()
	}
	ref := fmt.Sprintf("valuesFrom %s %s/%s key %s", o.Kind, validate.Clean(o.Namespace), validate.Clean(o.Name), validate.Clean(o.Key))
	if len(p) == 0 {
		return ref
	}
	return ref + ": " + p.String()
}

// origins finds where values come from. It merges once more, with every leaf replaced by a mark of its
// source: whichever mark lies at a path is the source that won there. What is absent has no mark and
// counts as inline, where a person would put it.
func (r *Release) origins(found []validate.Finding) func(validate.Path) Origin {
	inline := func(validate.Path) Origin { return Origin{} }
	if len(r.refs) == 0 || len(found) == 0 {
		return inline
	}
	marks := map[int]string{}
	for i, ref := range r.refs {
		if ref.empty || ref.unread != "" {
			continue
		}
		marks[i] = mark(i)
		if ref.TargetPath == "" {
			var values any
			if err := yaml.Unmarshal([]byte(ref.data), &values); err != nil {
				return inline // can't be: take has parsed it
			}
			text, err := yaml.Marshal(marked(values, i))
			if err != nil {
				return inline
			}
			marks[i] = string(text)
		}
	}
	values, _, err := merged(marked(r.inline, -1), r.refs, marks)
	if err != nil {
		return inline
	}
	return func(p validate.Path) Origin {
		i := markAt(values, p)
		if i < 0 && !reflect.DeepEqual(at(r.inline, p), at(r.values, p)) {
			i = r.lastSet()
		}
		if i < 0 {
			return Origin{}
		}
		ref := r.refs[i]
		return Origin{Kind: ref.Kind, Namespace: ref.namespace, Name: ref.Name, Key: ref.GetValuesKey(), Index: i}
	}
}

// lastSet is the last reference whose value is read as helm --set does, or -1. Such a value may set
// other paths than its own ("a,spegel.x=b"), which leaves no mark there.
func (r *Release) lastSet() int {
	for i := len(r.refs) - 1; i >= 0; i-- {
		if ref := r.refs[i]; ref.TargetPath != "" && !ref.Literal && ref.unread == "" && !ref.empty {
			return i
		}
	}
	return -1
}

const markPrefix = "source-"

func mark(i int) string { return markPrefix + strconv.Itoa(i) }

// marked copies a tree with a mark for each leaf. An empty list gets one mark, so that it has a source.
func marked(v any, i int) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, child := range v {
			out[key] = marked(child, i)
		}
		return out
	case []any:
		out := make([]any, 0, len(v)+1)
		for _, child := range v {
			out = append(out, marked(child, i))
		}
		if len(out) == 0 {
			out = append(out, mark(i))
		}
		return out
	case nil:
		if i < 0 {
			return nil
		}
		return mark(i)
	default:
		return mark(i)
	}
}

// markAt reads the mark at a path, above it where a whole node has one, or the first below it; -1 is
// inline or nothing.
func markAt(v any, p validate.Path) int {
	for i := range p {
		if _, leaf := v.(string); leaf {
			break
		}
		v = at(v, p[i:i+1])
	}
	for {
		switch node := v.(type) {
		case string:
			if i, err := strconv.Atoi(strings.TrimPrefix(node, markPrefix)); err == nil {
				return i
			}
			return -1
		case []any:
			if len(node) == 0 {
				return -1
			}
			v = node[0]
		case map[string]any:
			last := -1
			for _, child := range node {
				last = max(last, markAt(child, nil))
			}
			return last
		default:
			return -1
		}
	}
}
