package release

import (
	"strconv"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

const (
	markPrefix = "source-"
	inlineMark = -1
)

// mark stands for a leaf out of the reference i.
func mark(i int) string { return markPrefix + strconv.Itoa(i) }

// marked copies a tree with a mark for each leaf. An empty list or map gets one mark, so that it has a
// source.
func marked(v any, i int) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v)+1)
		for key, child := range v {
			out[key] = marked(child, i)
		}
		if len(out) == 0 {
			out[markPrefix] = mark(i)
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
		if i == inlineMark {
			return nil
		}
		return mark(i)
	default:
		return mark(i)
	}
}

// markedSet puts a mark for each value that helm --set would read. A value may go on with a comma and
// set other paths too, as in "a,spegel.x={b,c}".
func markedSet(set string, i int) string {
	for _, quote := range []string{`"`, `'`} { // as chartutil.ReplacePathValue does
		if strings.HasPrefix(set, quote) && strings.HasSuffix(set, quote) {
			set = strings.Trim(set, `'"`)
			break
		}
	}
	var out strings.Builder
	for {
		if rest, isList := strings.CutPrefix(set, "{"); isList {
			out.WriteString("{")
			for stop := byte(','); stop == ','; {
				if _, stop, rest = cutSet(rest, ",}"); stop == ',' {
					out.WriteString(mark(i) + ",")
				}
			}
			out.WriteString(mark(i) + "},")
			set = strings.TrimPrefix(rest, ",")
		} else {
			_, _, set = cutSet(set, ",")
			out.WriteString(mark(i) + ",")
		}
		key, stop, rest := cutSet(set, "=")
		if stop == 0 {
			return out.String()
		}
		out.WriteString(key + "=")
		set = rest
	}
}

// cutSet cuts at the first of the stops that no backslash escapes; stop is 0 where there is none.
func cutSet(s, stops string) (before string, stop byte, after string) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.IndexByte(stops, s[i]) >= 0:
			return s[:i], s[i], s[i+1:]
		}
	}
	return s, 0, ""
}

// markAt reads the mark at a path, or the first below it; inlineMark where there is none.
func markAt(v any, p validate.Path) int {
	v = at(v, p)
	for {
		switch node := v.(type) {
		case string:
			if i, err := strconv.Atoi(strings.TrimPrefix(node, markPrefix)); err == nil {
				return i
			}
			return inlineMark
		case []any:
			if len(node) == 0 {
				return inlineMark
			}
			v = node[0]
		case map[string]any:
			last := inlineMark
			for _, child := range node {
				last = max(last, markAt(child, nil))
			}
			return last
		default:
			return inlineMark
		}
	}
}
