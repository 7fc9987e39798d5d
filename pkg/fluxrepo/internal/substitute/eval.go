package substitute

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/envsubst/parse"
)

// Bounds of a text in which variables were put, and of one expression in it, in bytes.
const (
	maxText       = 32 << 20
	maxExpression = 64 << 10
)

var errTooLarge = fmt.Errorf("more than %d MiB come of them", maxText>>20)

// ExpressionError is an expression over a variable that can't be read.
type ExpressionError struct {
	Begin string // how it begins, with the variable: ${NAME
	err   error
}

// Error names the variable.
func (e *ExpressionError) Error() string { return e.Begin + ": " + e.err.Error() }

var begin = regexp.MustCompile(`^\$\{#?\w*`)

// evaluation is the work on one text.
type evaluation struct {
	*Scope
	out   strings.Builder
	empty map[string]bool // variables that nothing sets
}

// Eval does what Flux does with a text. An expression that an unknown variable is a part of is unknown as a whole: so is a part
// of one, and its length. unset are the variables that nothing sets.
func (s *Scope) Eval(text string) (out string, unset []string, err error) {
	e := &evaluation{Scope: s, empty: map[string]bool{}}
	for text != "" {
		plain, rest, found := strings.Cut(text, "$")
		e.out.WriteString(plain)
		switch {
		case strings.HasPrefix(rest, "{"):
			rest = text[len(plain):]
			end, err := e.expression(rest)
			if err != nil {
				return "", nil, &ExpressionError{begin.FindString(rest), err}
			}
			rest = rest[end:]
		case found:
			e.out.WriteByte('$')
			rest = strings.TrimPrefix(rest, "$") // which it escapes
		}
		text = rest
	}
	return e.out.String(), slices.Sorted(maps.Keys(e.empty)), nil
}

// expression puts in the one that a text begins with, and returns where it ends: at the first brace with which it can be read.
func (e *evaluation) expression(text string) (end int, err error) {
	text, err = text[:min(len(text), maxExpression)], parse.ErrMissingClosingBrace
	for {
		brace := strings.IndexByte(text[end:], '}')
		if brace < 0 {
			return 0, err
		}
		end += brace + 1
		t, bad := envsubst.Parse(text[:end])
		if bad == nil {
			return end, e.execute(t, text[:end])
		}
		err = bad
	}
}

// execute puts in one expression. A variable that nothing sets is empty: current Flux refuses it, but older Flux does not.
func (e *evaluation) execute(t *envsubst.Template, text string) error {
	for {
		unknown, last, most := "", "", 0
		if strings.Contains(text, "/") { // each character of one value may be replaced by another
			most = len(text)
		}
		out, err := t.Execute(func(name string) (string, bool) {
			v, set := e.value(name)
			_, of, _ := Cut(v)
			unknown, last = cmp.Or(unknown, of), name
			if most = min(most*(len(v)+1), maxText+1); most > maxText {
				v = ""
			}
			return v, set || e.empty[name]
		})
		switch {
		case max(most, len(out)+e.out.Len()) > maxText:
			return errTooLarge
		case unknown != "":
			e.out.WriteString(placeholder(unknown))
			return nil
		case err == nil:
			e.out.WriteString(out)
			return nil
		}
		e.empty[last] = true
	}
}
