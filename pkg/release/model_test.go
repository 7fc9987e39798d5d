package release

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/chartutil"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/spegel-guard/spegel-guard/pkg/certainty"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// The proof of docs/adr/0004. Of generated releases some parts are hidden: references, variables, what the chart brings.
// They are then made up again and again, and merged with chartutil. What was called certain has to hold in every such world;
// and if nothing was called unresolved, no world may deny what was not denied. TestEachPartOfTheModelIsNeeded shows that each part of
// the model is needed for this.
func TestWhatIsCertainHoldsInEveryWorld(t *testing.T) {
	t.Parallel()
	const shards = 4
	for shard := range uint64(shards) {
		t.Run(fmt.Sprint("shard ", shard), func(t *testing.T) {
			t.Parallel()
			certain, inline, worlds, resolved := 0, 0, 0, 0
			for n := range uint64(cases / shards) {
				p := newPartial(t, 1+shard<<32+n)
				certain += len(p.result.Findings)
				if len(p.result.Unresolved) == 0 {
					resolved++
				}
				for range 6 {
					if p.checkWorld(t, p.hidden) {
						worlds++
					}
				}
				inline += len(p.alone.result.Findings)
				p.checkAlone(t)
			}
			t.Logf("%d certain findings, %d of them inline, %d worlds, nothing unresolved in %d cases", certain, inline, worlds, resolved)
			if certain < cases/shards/4 || inline < cases/shards/10 || resolved < cases/shards/10 || worlds < cases/shards {
				t.Error("the generator has lost its grip")
			}
		})
	}
}

// partial is a scenario with some of its parts hidden, and what is said about it.
type partial struct {
	scenario
	generator
	seed   uint64
	hidden []int // references
	files  bool  // the chart lies in files that are not read
	policy validate.Policy
	rel    *Release
	result Result
	alone  *partial // the same with no reference read
}

// newPartial has each case put another part of the model to the proof: what a comma sets, a targetPath at or below what is no map,
// what may come along on creation, and what is not there.
func newPartial(t *testing.T, seed uint64) *partial {
	t.Helper()
	g, create := newGenerator(seed), false
	switch seed % 4 {
	case 0:
		g.least, g.targetPath, g.last, g.aside, g.comma = 2, 90, 90, 50, 90
	case 1:
		g.least, g.inline, g.targetPath, g.last, g.top, g.scalar = 2, 40, 80, 15, 25, 80
	case 2:
		create, g.least, g.targetPath, g.optional = true, 1, 30, 60
	case 3:
		g.targetPath, g.optional, g.missing = 40, 60, 40
	}
	p := &partial{generator: g, seed: seed, scenario: g.scenario(t, 3), policy: privatePolicy(t, "harbor.example.com")}
	if g.chance(40) {
		p.policy.Severities = map[string]validate.Severity{}
		for _, r := range validate.Rules() {
			if g.chance(50) {
				p.policy.Severities[r.ID] = validate.Off
			}
		}
	}
	if p.files = g.chance(15); p.files {
		p.hr.Spec.Chart.Spec.SourceRef = &helmv2.CrossNamespaceObjectReference{Kind: sourcev1.GitRepositoryKind}
	}
	if g.chance(30) {
		p.plant(t)
	}
	for _, ref := range p.hr.Spec.ValuesFrom {
		switch id := ref.Kind + " " + objectKey(ref.Name).String(); {
		case !g.chance(60):
		case create:
			delete(p.cluster.objects, id)
		default:
			p.cluster.fail[id] = forbidden(ref.Name)
		}
	}
	for i, ref := range p.hr.Spec.ValuesFrom {
		data, err := p.cluster.readData(t.Context(), ref.Kind, ref.Name)
		if _, found := data[ref.GetValuesKey()]; apierrors.IsForbidden(err) || create && !found {
			p.hidden = append(p.hidden, i)
		}
	}
	alone := *p
	p.resolve(t, p.cluster, create)
	alone.hidden = nil
	for i := range p.hr.Spec.ValuesFrom {
		alone.hidden = append(alone.hidden, i)
	}
	alone.hr = p.hr.DeepCopy()
	for i := range alone.hr.Spec.ValuesFrom {
		alone.hr.Spec.ValuesFrom[i].Kind = "" // which nobody reads
	}
	alone.resolve(t, p.cluster, create)
	alone.hr = p.hr
	p.alone = &alone
	return p
}

func (p *partial) resolve(t *testing.T, r Reader, create bool) {
	t.Helper()
	p.rel = Resolve(t.Context(), p.hr, Options{Charts: []string{"spegel"}, Reader: r, Create: create, Variables: variablesIn})
	p.result = p.rel.Evaluate(p.policy)
}

var variable = regexp.MustCompile(`\$\{(\w)\}`)

func variablesIn(text string) (out []Reference) {
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		out = append(out, Reference{Kind: "Variable", Name: m[1]})
	}
	return out
}

// plant puts variables into the inline values and into what references without a targetPath hold.
func (p *partial) plant(t *testing.T) {
	t.Helper()
	if values := p.hr.Spec.Values; values != nil {
		values.Raw = []byte(asJSON(p.planted(fromYAML(t, string(values.Raw)), 0)))
	}
	for _, ref := range p.hr.Spec.ValuesFrom {
		if data, err := p.cluster.readData(t.Context(), ref.Kind, ref.Name); err == nil && ref.TargetPath == "" {
			var tree map[string]any
			if json.Unmarshal([]byte(data[ref.GetValuesKey()]), &tree) == nil {
				p.put(ref, asJSON(p.planted(tree, 0)))
			}
		}
	}
}

func (p *partial) planted(node any, depth int) any {
	if depth > 0 && p.chance(8) {
		return one(p.generator, "${A}", "${B}", "https://${C}")
	}
	switch node := node.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			name := key
			if p.chance(12) {
				name = "${D}"
			}
			out[name] = p.planted(node[key], depth+1)
		}
		return out
	case []any:
		out := []any{}
		for _, entry := range node {
			out = append(out, p.planted(entry, depth+1))
		}
		return out
	}
	return node
}

// filled gives each variable a value: one that is all of a text may be anything.
func (p *partial) filled(node any, depth int) any {
	switch node := node.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			value := p.filled(node[key], depth+1)
			if variable.MatchString(key) {
				key = one(p.generator, "spegel", "registries", "mirroredRegistries", "mirroredRegistries", "x")
				_, taken := node[key]                      // Flux refuses a key that is there twice
				if taken || key == "spegel" && depth > 0 { // that the chart is another, which wraps Spegel's, is given up
					key = "y"
				}
			}
			out[key] = value
		}
		return out
	case []any:
		out := []any{}
		for _, entry := range node {
			out = append(out, p.filled(entry, depth+1))
		}
		return out
	case string:
		if !variable.MatchString(node) {
			return node
		}
		if strings.HasPrefix(node, "$") && p.chance(70) {
			return one(p.generator, p.entry, p.mirrorList, p.spegel, p.any)()
		}
		return variable.ReplaceAllLiteralString(node, one(p.generator, "x", "ghcr.io", "harbor.example.com", "_default"))
	}
	return node
}

// world makes up what is hidden. It is nil if helm-controller would not install the release there.
func (p *partial) world(t *testing.T, hidden []int) (values any, w scenario) {
	t.Helper()
	w = scenario{hr: p.hr.DeepCopy(), cluster: newCluster()}
	for i, ref := range p.hr.Spec.ValuesFrom {
		data, err := (&cluster{objects: p.cluster.objects, reads: map[string]int{}}).readData(t.Context(), ref.Kind, ref.Name)
		text, found := data[ref.GetValuesKey()]
		switch {
		case slices.Contains(hidden, i):
			if !ref.Optional || p.chance(80) {
				w.put(ref, p.made(ref))
			}
		case err == nil && found:
			var tree map[string]any
			if ref.TargetPath == "" && variable.MatchString(text) && json.Unmarshal([]byte(text), &tree) == nil {
				text = asJSON(p.filled(tree, 0))
			}
			w.put(ref, text)
		}
	}
	if w.hr.Spec.Values != nil {
		w.hr.Spec.Values.Raw = []byte(asJSON(p.filled(w.hr.GetValues(), 0)))
	}
	merged, err := w.plain(t)
	if err != nil {
		return nil, w
	}
	if p.files {
		merged = chartutil.MergeMaps(p.values(), merged)
	}
	return merged, w
}

// made is what a hidden reference may hold. That a targetPath sets other paths after a comma is given up.
func (p *partial) made(ref helmv2.ValuesReference) string {
	switch {
	case ref.TargetPath == "":
		return asJSON(p.values())
	case p.chance(30):
		return "{" + p.setScalar() + "," + p.setScalar() + "}"
	default:
		return p.setScalar()
	}
}

// checkWorld compares with a world. It reports whether helm-controller would install the release there.
func (p *partial) checkWorld(t *testing.T, hidden []int) bool {
	t.Helper()
	values, w := p.world(t, hidden)
	if values == nil {
		return false
	}
	all, _ := validate.Validate(validate.Input{Values: values, ChartVersion: p.rel.Version}, p.policy)
	for _, f := range p.result.Findings {
		if !slices.ContainsFunc(all, func(g validate.Finding) bool { return sameFinding(f.Finding, g) }) {
			t.Fatalf("seed %d, hidden %v: %s at %s was called certain, and in this world it does not hold:\n%s\nof %s", p.seed, p.hidden, f.Rule, f.Path, w, p)
		}
	}
	for _, g := range all {
		said := slices.ContainsFunc(p.result.Findings, func(f Finding) bool { return sameFinding(f.Finding, g) && f.Severity == validate.Deny })
		if len(p.result.Unresolved) == 0 && g.Severity == validate.Deny && !said {
			t.Fatalf("seed %d, hidden %v: nothing was called unresolved, and this world is denied for %s at %s:\n%s\nof %s", p.seed, p.hidden, g.Rule, g.Path, w, p)
		}
	}
	return true
}

// checkAlone makes up all references: what spec.values decide alone has to hold. Nothing is held back that they decide by themselves:
// what they set to anything but a map, where no reference has a targetPath.
func (p *partial) checkAlone(t *testing.T) {
	t.Helper()
	for range 3 {
		p.alone.checkWorld(t, p.alone.hidden)
	}
	if slices.ContainsFunc(p.hr.Spec.ValuesFrom, func(ref helmv2.ValuesReference) bool { return ref.TargetPath != "" }) {
		return
	}
	inline := inlineOf(p.rel)
	decided, _ := validate.Validate(validate.Input{Values: inline, ChartVersion: p.rel.Version}, p.policy)
	for _, f := range decided {
		v, set := certainty.At(inline, f.Path[:min(2, len(f.Path))])
		if set && !certainty.MayBeMap(v) && !p.alone.result.has(f) {
			t.Fatalf("seed %d: %s at %s stands in spec.values, and was held back\n%s", p.seed, f.Rule, f.Path, p)
		}
	}
}

func (r Result) has(f validate.Finding) bool {
	return slices.ContainsFunc(r.Findings, func(g Finding) bool { return sameFinding(f, g.Finding) })
}

func sameFinding(f, g validate.Finding) bool {
	return f.Rule == g.Rule && f.Path.String() == g.Path.String()
}
