package validate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestARegistryOfRulesRefusesMistakes(t *testing.T) {
	t.Parallel()
	good := func(id string) Rule {
		return Rule{
			ID: id, Title: "t", Default: Deny, Why: "w", Reads: "r", Limits: "l", Fix: "f", Bad: "b", Good: "g",
			check: func(*values, Policy) ([]problem, []int) { return nil, nil },
		}
	}
	change := func(change func(*Rule)) []Rule {
		r := good("one")
		change(&r)
		return []Rule{r}
	}
	for name, c := range map[string]struct {
		rules []Rule
		want  string // the error; empty for none
	}{
		"no rules at all are fine":          {nil, ""},
		"rules with ids of their own":       {[]Rule{good("one"), good("two")}, ""},
		"an id that is taken":               {[]Rule{good("one"), good("two"), good("one")}, `rule 2: id "one" is empty or taken`},
		"an empty id":                       {[]Rule{good("")}, `rule 0: id "" is empty or taken`},
		"off is no default":                 {change(func(r *Rule) { r.Default = Off }), `rule one: default severity "off" is neither deny nor warn`},
		"no default":                        {change(func(r *Rule) { r.Default = "" }), `rule one: default severity "" is neither deny nor warn`},
		"no title":                          {change(func(r *Rule) { r.Title = "" }), "rule one: no title"},
		"no reason":                         {change(func(r *Rule) { r.Why = "" }), "rule one: no why"},
		"nothing that it reads":             {change(func(r *Rule) { r.Reads = "" }), "rule one: no reads"},
		"no limits":                         {change(func(r *Rule) { r.Limits = "" }), "rule one: no limits"},
		"no fix":                            {change(func(r *Rule) { r.Fix = "" }), "rule one: no fix"},
		"no bad example":                    {change(func(r *Rule) { r.Bad = "" }), "rule one: no bad"},
		"no good example":                   {change(func(r *Rule) { r.Good = "" }), "rule one: no good"},
		"no function":                       {change(func(r *Rule) { r.check = nil }), "rule one: no check"},
		"several mistakes are all reported": {change(func(r *Rule) { r.Good, r.Bad = "", "" }), "rule one: no bad\nrule one: no good"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := checkRegistry(c.rules); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAMistakeInTheRegistryOfRulesIsAPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a rule without anything was registered")
		}
	}()
	mustRegister(Rule{})
}
