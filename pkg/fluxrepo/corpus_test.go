package fluxrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

func check(t testing.TB, o fluxrepo.Options, private ...string) *fluxrepo.Result {
	t.Helper()
	p, err := policy.Load("", private)
	if err != nil {
		t.Fatal(err)
	}
	o.Policy, o.Charts = p.Policy, p.Charts
	res, err := fluxrepo.Check(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// render writes a result as a person would note it, with paths relative to root.
func render(root string, res *fluxrepo.Result) string {
	var b strings.Builder
	place := func(p fluxrepo.Place) string {
		s := fmt.Sprintf("%s:%d:%d", strings.TrimPrefix(strings.TrimPrefix(p.File, filepath.ToSlash(root)), "/"), p.Line, p.Column)
		if p.Approximate {
			s += " (about)"
		}
		return s
	}
	for _, rel := range res.Releases {
		fmt.Fprintf(&b, "release %s/%s chart=%s version=%s built=%t suspended=%t at %s", rel.Namespace, rel.Name, rel.Chart, rel.Version, rel.Built, rel.Suspended, place(rel.Place))
		if rel.Inactive {
			b.WriteString(" (inactive)")
		}
		b.WriteString("\n")
		for _, from := range rel.From {
			fmt.Fprintf(&b, "  from %s\n", strings.TrimPrefix(strings.TrimPrefix(from, filepath.ToSlash(root)), "/"))
		}
		for _, f := range rel.Findings {
			fmt.Fprintf(&b, "  %s %s %s at %s\n", f.Severity, f.Rule, strings.TrimSpace(f.Field()+" "+f.Value), place(f.Place))
		}
		for _, u := range rel.Unresolved {
			fmt.Fprintf(&b, "  unresolved %s %s/%s %s: %s at %s\n", u.Kind, u.Namespace, u.Name, u.Key, u.Reason, place(u.Place))
		}
	}
	for _, e := range res.Errors {
		if e.Elsewhere {
			continue // what it counts depends on what is built
		}
		fmt.Fprintf(&b, "error fatal=%t %s: %s\n", e.Fatal, place(e.Place), strings.ReplaceAll(e.Message, root+"/", ""))
	}
	return b.String()
}

// corpus is a folder of public repositories that is no part of the project.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SPEGEL_GUARD_CORPUS")
	if dir == "" {
		t.Skip("there is no corpus; SPEGEL_GUARD_CORPUS names the folder of one")
	}
	return dir
}

// TestCorpus checks public repositories as they were found. They are no part of the project.
func TestCorpus(t *testing.T) {
	t.Parallel()
	dir := corpus(t)
	const private = "registry.example.ts.net"
	for _, c := range []struct {
		repository, private string
		want                []string // a line for each release and each of its findings
	}{
		{"onedr0p+home-ops", private, []string{
			"kube-system/spegel", "deny empty-mirror-list kubernetes/apps/kube-system/spegel/app/helmrelease.yaml:24",
		}},
		{"Roxedus+home-infra", private, []string{
			"kube-system/spegel", "deny legacy-registries-key kubernetes/main/apps/kube-system/spegel/app/helm-values.yaml:4",
			"deny empty-mirror-list kubernetes/main/apps/kube-system/spegel/app/helm-values.yaml:2",
		}},
		{"beacon1096+swarm-01", private, []string{"kube-system/spegel", "kube-system/spegel"}},
		{"beacon1096+swarm-01", "code.forgejo.org", []string{
			"kube-system/spegel", "deny private-registry-mirrored kubernetes/apps/kube-system/spegel/app/helmrelease.yaml:27",
			"kube-system/spegel", "deny private-registry-mirrored kubernetes/apps/kube-system/spegel/app/helmrelease.yaml:27",
		}},
		{"bykaj+home-ops", private, []string{
			"system/spegel", "deny empty-mirror-list kubernetes/apps/system/spegel/app/helmrelease.yaml:20",
			"warn renamed-key kubernetes/apps/system/spegel/app/helmrelease.yaml:21",
		}},
		{"cubic3d+ops", private, []string{
			"system/spegel", "deny empty-mirror-list kubernetes/apps/system/spegel/app/helmrelease.yaml:13",
		}},
		{"wcygan+anton@bb2345cc", private, []string{
			"kube-system/spegel", "deny legacy-registries-key kubernetes/apps/kube-system/spegel/app/helmrelease.yaml:18",
			"deny empty-mirror-list kubernetes/apps/kube-system/spegel/app/helmrelease.yaml:12",
		}},
	} {
		t.Run(c.repository+" "+c.private, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(dir, c.repository)
			res := check(t, fluxrepo.Options{Paths: []string{root}}, c.private)
			var got []string
			for _, rel := range res.Releases {
				got = append(got, rel.Namespace+"/"+rel.Name)
				if !rel.Built || len(rel.From) < 2 || len(rel.Unresolved) > 0 {
					t.Errorf("built %t from %v, unresolved %v", rel.Built, rel.From, rel.Unresolved)
				}
				for _, f := range rel.Findings {
					file := strings.TrimPrefix(f.Place.File, filepath.ToSlash(root)+"/")
					got = append(got, fmt.Sprintf("%s %s %s:%d", f.Severity, f.Rule, file, f.Place.Line))
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, e := range res.Errors {
				if !e.Unfollowed && !e.Elsewhere {
					t.Errorf("error: %+v", e)
				}
			}
			everything := check(t, fluxrepo.Options{Paths: []string{root}, All: true, Workers: 1}, c.private)
			if diff := cmp.Diff(render(root, res), render(root, everything)); diff != "" {
				t.Errorf("-pruned +everything built:\n%s", diff)
			}
		})
	}
}
