package validate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

func TestQuoteMakesAValueFitForOneLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"a URL stays as it is":              {"https://docker.io", `"https://docker.io"`},
		"nothing":                           {"", `""`},
		"white space becomes _":             {" a\tb\u00a0c\u2028", `"_a_b_c_"`},
		"a line break becomes _":            {"a\r\n- b", `"a__-_b"`},
		"control characters become _":       {"a\x00\x1b[31m\x7f\u0085", `"a__[31m__"`},
		"what is not UTF-8 becomes _":       {"a\xffb", `"a_b"`},
		"a quote becomes an apostrophe":     {`a"b`, `"a'b"`},
		"a backslash stays":                 {`a\nb`, `"a\nb"`},
		"other letters are escaped":         {"bücher", `"b\u00fccher"`},
		"what shows nothing is escaped":     {"a\u200b\U0001f600", `"a\u200b\U0001f600"`},
		"the words that Flux looks for":     {"is immutable field", `"is_immutable_field"`},
		"64 bytes are shown in full":        {strings.Repeat("a", 64), `"` + strings.Repeat("a", 64) + `"`},
		"more are cut":                      {strings.Repeat("a", 65), `"` + strings.Repeat("a", 64) + `..."`},
		"a cut does not split an escape":    {strings.Repeat("a", 63) + "ü", `"` + strings.Repeat("a", 63) + `..."`},
		"nothing follows a cut":             {strings.Repeat("a", 63) + "üb", `"` + strings.Repeat("a", 63) + `..."`},
		"user info is hidden":               {"https://robot:secret@host", `"https://***@host"`},
		"user info without a scheme":        {"robot:secret@host", `"***@host"`},
		"user info behind another scheme":   {"secret://x@host", `"***@host"`},
		"a password with @":                 {"https://robot:sec@ret@host", `"https://***@host"`},
		"a password with ?":                 {"https://robot:sec?ret@host", `"https://***@host"`},
		"a password with ://":               {"robot:sec://ret@host", `"***@host"`},
		"user info in the second of two":    {"https://a https://robot:secret@b", `"https://***@b"`},
		"a query is hidden":                 {"https://host?token=secret", `"https://host?***"`},
		"user info and a query":             {"HTTP://u:p@host/a?b=c", `"HTTP://***@host/a?***"`},
		"an @ in a query hides what it can": {"https://host?mail=a@b", `"https://***@b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, validate.Quote(c.in)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", c.in, diff)
			}
		})
	}
}

func TestCleanKeepsAnAt(t *testing.T) {
	t.Parallel()
	if got := validate.Clean("a@b?c d"); got != "a@b?c_d" {
		t.Errorf("got %q", got)
	}
}
