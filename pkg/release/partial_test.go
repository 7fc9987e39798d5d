package release

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// hide makes some of the objects unreadable and returns the references to them.
func (s scenario) hide(g generator) []int {
	s.cluster.fail = map[string]error{}
	var out []int
	for i, ref := range s.hr.Spec.ValuesFrom {
		id := ref.Kind + " " + objectKey(ref.Name).String()
		if s.cluster.fail[id] == nil && g.chance(45) {
			s.cluster.fail[id] = forbidden(ref.Name)
		}
		_ = i
	}
	for i, ref := range s.hr.Spec.ValuesFrom {
		if s.cluster.fail[ref.Kind+" "+objectKey(ref.Name).String()] != nil {
			out = append(out, i)
		}
	}
	return out
}

func TestZZ(t *testing.T) {
	from, _ := strconv.Atoi(os.Getenv("FROM"))
	n, _ := strconv.Atoi(os.Getenv("N"))
	nworlds, _ := strconv.Atoi(os.Getenv("WORLDS"))
	maxRefs, _ := strconv.Atoi(os.Getenv("REFS"))
	policy := privatePolicy(t, "harbor.example.com")
	cases, certain, lost, allw, nounres := 0, 0, 0, 0, 0
	for seed := range uint64(n) {
		g := newGenerator(seed + uint64(from))
		s := g.scenario(t, maxRefs, 50)
		if g.chance(40) {
			policy.Severities = map[string]validate.Severity{}
			for _, r := range validate.Rules() {
				if g.chance(50) {
					policy.Severities[r.ID] = validate.Off
				}
			}
		} else {
			policy.Severities = nil
		}
		hidden := s.hide(g)
		if len(hidden) == 0 {
			continue
		}
		cases++
		rel := resolve(t, s.hr, s.cluster)
		res := rel.Evaluate(policy)
		certain += len(res.Findings)
		if len(res.Unresolved) == 0 {
			nounres++
		}
		base := rel.rules(rel.values, policy)
		inAll := slices.Clone(base)
		worlds := 0
		for range nworlds {
			w := scenario{hr: s.hr, cluster: newCluster()}
			for k, v := range s.cluster.objects {
				w.cluster.objects[k] = v
			}
			for _, i := range hidden {
				ref := s.hr.Spec.ValuesFrom[i]
				delete(w.cluster.objects, ref.Kind+" "+objectKey(ref.Name).String())
			}
			for _, i := range hidden {
				ref := s.hr.Spec.ValuesFrom[i]
				if ref.Optional && g.chance(20) {
					continue
				}
				w.put(ref, g.adversary(ref.TargetPath))
			}
			full := resolve(t, w.hr, w.cluster)
			if _, known := full.MirrorList(); !known {
				continue
			}
			worlds++
			all := full.rules(full.values, policy)
			for _, f := range res.Findings {
				if !slices.ContainsFunc(all, func(g validate.Finding) bool {
					return f.Rule == g.Rule && f.Path.String() == g.Path.String() && f.Message == g.Message && (f.Value == "" || f.Value == g.Value)
				}) {
					t.Fatalf("seed %d: certain %s %s is not in\n%s\nworld %s", seed, f.Rule, f.Path, asJSON(all), w)
				}
			}
			if len(res.Unresolved) == 0 && !slices.Equal(keys(all), keys(base)) {
				t.Fatalf("seed %d %v: nothing is unresolved, but\n%s\n%s\nworld %s", seed, hidden, asJSON(base), asJSON(all), w)
			}
			inAll = slices.DeleteFunc(inAll, func(f validate.Finding) bool { return !slices.Contains(keys(all), keys([]validate.Finding{f})[0]) })
		}
		allw += worlds
		if worlds > nworlds/3 {
			for _, f := range inAll {
				if !slices.ContainsFunc(res.Findings, func(g Finding) bool {
					return f.Rule == g.Rule && f.Path.String() == g.Path.String() && f.Message == g.Message
				}) {
					lost++
					if os.Getenv("LOST") != "" {
						fmt.Printf("LOST seed %d: %s %s %s\n%s hidden %v\n", seed, f.Rule, f.Path, f.Message, s, hidden)
					}
				}
			}
		}
	}
	t.Logf("cases %d certain %d lost %d worlds %d nothing unresolved %d", cases, certain, lost, allw, nounres)
}

func (g generator) adversary(path string) string {
	if path == "" {
		return asJSON(g.values())
	}
	return g.set()
}
