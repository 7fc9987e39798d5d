package fluxrepo

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Check looks for releases of Spegel's in each path and judges them. An error is one of the call, such as
// a path that does not exist; what can't be checked in a repository is in the Result.
func Check(ctx context.Context, o Options) (*Result, error) {
	if len(o.Paths) == 0 {
		return nil, errors.New("no path to check")
	}
	if len(o.Charts) == 0 {
		o.Charts = []string{"spegel"}
	}
	if err := checkGlobs(o.Ignore); err != nil {
		return nil, err
	}
	o.Vars, o.Sources = oneLine(o.Vars), slices.Clone(o.Sources)
	for i := range o.Sources {
		o.Sources[i].Data = oneLine(o.Sources[i].Data)
	}
	inputs, err := o.inputs()
	if err != nil {
		return nil, err
	}
	res := &Result{used: map[string]bool{}, stood: map[int]bool{}}
	for _, in := range inputs {
		g, err := in.open(ctx, o)
		if err != nil {
			return nil, err
		}
		if err := g.check(in, res); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(res.Releases, compareReleases)
	slices.SortStableFunc(res.Errors, compareErrors)
	res.Errors = slices.Compact(res.Errors)
	return res, nil
}

// newGraph finds what is in a repository.
func newGraph(ctx context.Context, r *repo, o Options) *graph {
	used := map[string]bool{}
	g := &graph{
		repo: r, used: used, stood: map[int]bool{}, ctx: ctx, opts: o, trees: map[treeKey]*tree{}, builds: map[string]*built{}, rawFound: map[rawKey]rawFound{},
		rawIn: map[*file][]*rawKustomization{}, loose: &scope{on: true, loose: true, vars: o.Vars, used: used},
	}
	g.moreWords()
	g.findKustomizations()
	return g
}

// check judges what the repository builds, and then what nothing builds.
func (g *graph) check(in *input, res *Result) error {
	g.connect()
	g.elsewhere = g.hasBuilders() || g.takesIncludes()
	g.expandAll()
	g.judgeBuilt(g.clusters)
	g.judgeBuilt(g.buildPlain(in))
	g.judgeUnbuilt(in)
	if err := g.ctx.Err(); err != nil {
		return err
	}
	for _, rel := range g.found {
		if rel != nil && in.covers(g.repo, rel) {
			res.Releases = append(res.Releases, *rel)
		}
	}
	g.tellUnfollowed()
	concerns := func(o *object) bool { return in.has(o.file) || slices.ContainsFunc(g.readsOf(o), in.has) }
	for _, e := range g.errors {
		if in.has(g.unshow(e.Place.File)) || slices.ContainsFunc(g.errorsIn[e], concerns) ||
			slices.ContainsFunc(g.errorsOf[e], func(n *node) bool { return g.below(in, n) }) {
			res.Errors = append(res.Errors, e)
		}
	}
	res.Files += g.read
	maps.Copy(res.used, g.used)
	maps.Copy(res.stood, g.stood)
	res.repos = append(res.repos, g.repo)
	return nil
}

// judgeBuilt judges the HelmReleases that clusters run. Judging may build more of their Kustomizations, before or after the
// one at hand, so it goes on until there is nothing new.
func (g *graph) judgeBuilt(clusters []*cluster) {
	for _, c := range clusters {
		judged := map[*node]bool{}
		for again := true; again; {
			again = false
			for _, n := range c.nodes { // as they are now
				if n.built != nil && !judged[n] {
					judged[n], again = true, true
					g.judgeNode(n)
				}
			}
		}
	}
}

// judgeNode judges the HelmReleases that a Kustomization emits.
func (g *graph) judgeNode(n *node) {
	for _, o := range n.built.objects {
		if g.ctx.Err() != nil {
			return
		}
		if g.isRelease(o) {
			g.found = append(g.found, g.judge(o, true))
		}
	}
}

// isRelease tells whether an object is a HelmRelease once variables are put in. Where one without a value says what the
// object is, that is reported.
func (g *graph) isRelease(o *object) bool {
	is := o.apiVersion + " " + o.kind
	if strings.Contains(is, "${") && o.by != nil && !o.verbatim {
		put, err := o.by.scope().eval(is, left)
		if is = put; (err != nil || strings.Contains(put, "${")) && g.hasWord(o.text) {
			g.report(Error{Place: g.placeOfObject(o), Message: "holds a variable without a value in its kind or apiVersion, so it is not checked", Unfollowed: true})
		}
	}
	version, kind, _ := strings.Cut(is, " ")
	return kind == "HelmRelease" && strings.HasPrefix(version, helmGroup+"/")
}

// report keeps an error, said once.
func (g *graph) report(e Error) {
	if g.said == nil {
		g.said = map[Error]bool{}
	}
	if !g.said[e] {
		g.said[e] = true
		g.errors = append(g.errors, e)
	}
}

// reportOf keeps an error that concerns what a Kustomization builds.
func (g *graph) reportOf(n *node, e Error) {
	g.report(e)
	if g.errorsOf == nil {
		g.errorsOf = map[Error][]*node{}
	}
	g.errorsOf[e] = append(g.errorsOf[e], n)
}

func (g *graph) placeOf(f *file, err error) Place {
	p := Place{File: g.show(f.path)}
	var bad *badYAML
	if errors.As(err, &bad) {
		p.Line, p.Column = bad.line, bad.column
	}
	return p
}

func problemOf(err error, otherwise string) string {
	if err == nil {
		return otherwise
	}
	return plain(err)
}

func compareReleases(a, b Release) int {
	return cmp.Or(
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name),
		slices.Compare(a.From, b.From), comparePlaces(a.Place, b.Place),
	)
}

func compareErrors(a, b Error) int {
	return cmp.Or(comparePlaces(a.Place, b.Place), strings.Compare(a.Message, b.Message))
}

func comparePlaces(a, b Place) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}
