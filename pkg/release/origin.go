package release

import (
	"fmt"
	"reflect"

	"helm.sh/helm/v4/pkg/chart/common"
	"k8s.io/apimachinery/pkg/util/validation/field"

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
	ref := fmt.Sprintf("valuesFrom %s %s/%s key %s", validate.Clean(o.Kind), validate.Clean(o.Namespace), validate.Clean(o.Name), validate.Clean(o.Key))
	if len(p) == 0 {
		return ref
	}
	return ref + ": " + p.String()
}

// origins finds where values come from. It merges once more, with every leaf replaced by a mark of its
// source: whichever mark lies at a path is the source that won there. What is absent has no mark and
// counts as inline, where a person would put it.
func (x *excerpt) origins(found []validate.Finding) func(validate.Path) Origin {
	inline := func(validate.Path) Origin { return Origin{} }
	marks := world{}
	for i, ref := range x.refs {
		if len(found) > 0 && ref.wasRead() {
			marks[i] = content{text: x.marks(i)}
		}
	}
	if len(marks) == 0 {
		return inline
	}
	values, _, err := merged(marked(x.inline, inlineMark), x.refs, marks)
	if err != nil {
		return inline // a null where a mark now is can be told from it in a list of lists, and nowhere else
	}
	return func(p validate.Path) Origin {
		i := markAt(values, p)
		if i < 0 {
			return Origin{}
		}
		ref := x.refs[i]
		return Origin{Kind: ref.Kind, Namespace: ref.namespace, Name: ref.Name, Key: ref.GetValuesKey(), Index: i}
	}
}

// public tells which values may be shown: those that stay the same whatever is in the Secrets. It does
// not trust the marks, because a value out of a Secret must not be shown even where they are wrong.
func (x *excerpt) public(found []validate.Finding) func(validate.Path) bool {
	marks := world{}
	for i, ref := range x.refs {
		if ref.Kind == "Secret" && ref.wasRead() {
			marks[i] = content{text: x.marks(i)}
		}
	}
	if len(marks) == 0 || len(found) == 0 {
		return func(validate.Path) bool { return true }
	}
	without, _, err := merged(x.inline, x.refs, marks)
	return func(p validate.Path) bool { return err == nil && reflect.DeepEqual(at(x.values, p), at(without, p)) }
}

// marks is what a reference holds, with marks for leaves.
func (x *excerpt) marks(i int) string {
	ref := x.refs[i]
	switch {
	case ref.Literal && ref.TargetPath != "":
		return mark(i)
	case ref.TargetPath != "":
		return markedSet(ref.data, i)
	}
	tree, err := common.ReadValues([]byte(ref.data))
	if err != nil {
		return "" // can't be: it was merged before
	}
	return text(marked(map[string]any(tree), i).(map[string]any))
}
