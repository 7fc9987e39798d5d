package release

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Of the references of generated releases some are hidden, and what they hold is then made up again and again. What was
// certain has to be true in every such world, and where a world differs from what was certain, it must have been said
// that something is unresolved.
func TestPartOfTheReferencesNeverMisleads(t *testing.T) {
	t.Parallel()
	const shards = 4
	for shard := range uint64(shards) {
		t.Run(fmt.Sprint("shard ", shard), func(t *testing.T) {
			t.Parallel()
			certain, worlds, silent := 0, 0, 0
			for n := range uint64(cases / shards) {
				p := newPartial(t, 1+shard<<32+n)
				certain += len(p.result.Findings)
				if len(p.result.Unresolved) == 0 {
					silent++
				}
				p.checkDecided(t)
				for range 10 {
					if p.checkWorld(t) {
						worlds++
					}
				}
			}
			t.Logf("%d certain findings, %d worlds, nothing unresolved in %d cases", certain, worlds, silent)
			if certain == 0 || silent == 0 || worlds < cases/shards {
				t.Error("the generator has lost its grip")
			}
		})
	}
}

// partial is a scenario with some of its objects hidden, and what is said about it.
type partial struct {
	scenario
	generator
	seed   uint64
	hidden []int // references
	unread []int // references, those that are missing or no YAML included
	policy validate.Policy
	found  []validate.Finding // with what can be read alone
	result Result
}

func newPartial(t *testing.T, seed uint64) *partial {
	t.Helper()
	g := newGenerator(seed)
	p := &partial{generator: g, seed: seed, scenario: g.scenario(t, 3, 50), policy: privatePolicy(t, "harbor.example.com")}
	if g.chance(40) {
		p.policy.Severities = map[string]validate.Severity{}
		for _, r := range validate.Rules() {
			if g.chance(50) {
				p.policy.Severities[r.ID] = validate.Off
			}
		}
	}
	for _, ref := range p.hr.Spec.ValuesFrom {
		if g.chance(60) {
			p.cluster.fail[ref.Kind+" "+objectKey(ref.Name).String()] = forbidden(ref.Name)
		}
	}
	for i, ref := range p.hr.Spec.ValuesFrom {
		if p.cluster.fail[ref.Kind+" "+objectKey(ref.Name).String()] != nil {
			p.hidden = append(p.hidden, i)
		}
	}
	rel := resolve(t, p.hr, p.cluster)
	for i, ref := range rel.refs {
		if ref.unread != "" {
			p.unread = append(p.unread, i)
		}
	}
	p.found = rel.rules(rel.values, p.policy)
	p.result = rel.Evaluate(p.policy)
	return p
}

// checkWorld makes up what is hidden, and compares. It tells whether helm-controller would install the release there.
func (p *partial) checkWorld(t *testing.T) bool {
	t.Helper()
	w := scenario{hr: p.hr, cluster: newCluster()}
	maps.Copy(w.cluster.objects, p.cluster.objects)
	for _, i := range p.hidden {
		ref := p.hr.Spec.ValuesFrom[i]
		delete(w.cluster.objects, ref.Kind+" "+objectKey(ref.Name).String())
	}
	for _, i := range p.hidden {
		if ref := p.hr.Spec.ValuesFrom[i]; !ref.Optional || p.chance(80) {
			w.put(ref, p.content(ref.TargetPath))
		}
	}
	rel := resolve(t, w.hr, w.cluster)
	if _, known := rel.MirrorList(); !known {
		return false
	}
	all := rel.rules(rel.values, p.policy)
	for _, f := range p.result.Findings {
		if !slices.ContainsFunc(all, func(g validate.Finding) bool { return sameFinding(f, g) }) {
			t.Fatalf("seed %d, hidden %v: %s at %s was called certain, and in this world it does not hold:\n%s", p.seed, p.hidden, f.Rule, f.Path, w)
		}
	}
	if len(p.result.Unresolved) == 0 && len(all) != len(p.result.Findings) {
		t.Fatalf("seed %d, hidden %v: nothing was called unresolved, and in this world there are other findings:\n%s\n%s", p.seed, p.hidden, asJSON(all), w)
	}
	return true
}

func sameFinding(f Finding, g validate.Finding) bool {
	return f.Rule == g.Rule && f.Path.String() == g.Path.String() && f.Message == g.Message && (f.Value == "" || f.Value == g.Value)
}

// checkDecided checks that nothing is held back that what can be read decides: without a targetPath in the release, what
// inline values or a reference after all unread ones set to anything but a map.
func (p *partial) checkDecided(t *testing.T) {
	t.Helper()
	layers := []any{fromYAML(t, asJSON(p.hr.GetValues()))}
	for i, ref := range p.hr.Spec.ValuesFrom {
		if ref.TargetPath != "" {
			return
		}
		if len(p.unread) == 0 || i > slices.Max(p.unread) {
			data, err := readData(t.Context(), p.cluster, ref.Kind, objectKey(ref.Name))
			if layer, yamlErr := common.ReadValues([]byte(data[ref.GetValuesKey()])); err == nil && yamlErr == nil {
				layers = append(layers, map[string]any(layer))
			}
		}
	}
	for _, f := range p.found {
		decided := slices.ContainsFunc(layers, func(layer any) bool { return len(f.Path) > 0 && sets(layer, f.Path[:min(2, len(f.Path))]) })
		if decided && !slices.ContainsFunc(p.result.Findings, func(g Finding) bool { return sameFinding(g, f) }) {
			t.Fatalf("seed %d, unread %v: %s at %s is decided by what can be read, and was held back\n%s", p.seed, p.unread, f.Rule, f.Path, p)
		}
	}
}

// sets tells whether values have something other than a map at a path.
func sets(values any, path validate.Path) bool {
	parent, _ := at(values, path[:len(path)-1]).(map[string]any)
	v, ok := parent[path[len(path)-1].(string)]
	_, isMap := v.(map[string]any)
	return ok && !isMap
}
