package release

import (
	"iter"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxWork bounds the reasoning about unread references, in bytes that all merges together read: some
// tenths of a second. Beyond it nothing counts as certain.
const maxWork = 4 << 20

// What else takes time, in bytes as well: a merge, a finding, an entry of a list that stands in.
const (
	mergeCost   = 512
	findingCost = 64
	entryCost   = 32
)

// fewestWorlds is a lower bound of what there is to try for one reference.
const fewestWorlds = 6

// unread is what the reasoning is about: references by index, and what each of them might hold.
type unread struct {
	index       []int
	refs        []Reference
	mend, spoil [][]content
}

// certain keeps the findings that hold whatever the unread references say, and lists the references
// that could change any finding, for better or for worse.
//
// It tries what they might hold. Where no reference has a targetPath, one layer decides each path of
// the values, and it is enough to try the unread references one by one. Otherwise what one does depends
// on what those before it have made of the values (docs/adr/0004), so all combinations are tried.
func (x *excerpt) certain(found []validate.Finding, rules func(any) []validate.Finding, q question) ([]validate.Finding, []Reference) {
	u := x.unread()
	layered := !hasTargetPath(x.refs)
	cost := mergeCost + x.size + findingCost*len(found) + entryCost*len(q.good)
	if len(u.index)*fewestWorlds*cost > maxWork || x.nested() {
		return x.inlineAlone(found, layered), u.refs
	}
	u.think(x, q)
	if u.worlds(layered)*cost > maxWork {
		return x.inlineAlone(found, layered), u.refs
	}
	t := trial{excerpt: x, rules: rules, found: keys(found), gone: make([]bool, len(found))}
	var refs []Reference
	for n, i := range u.index {
		changes := false
		for k, c := range slices.Concat(u.mend[n], u.spoil[n]) {
			if changes && (!layered || k >= len(u.mend[n])) {
				break // all that there is to know from trying it alone
			}
			changes = t.run(world{i: c}, layered) || changes
		}
		if changes {
			refs = append(refs, u.refs[n])
		}
	}
	if !layered {
		for w := range combinations(u.index, u.mend) {
			t.run(w, true)
		}
		if len(refs) == 0 && len(u.refs) > 1 {
			refs = u.refs // several together might
		}
	}
	var sure []validate.Finding
	for n, f := range found {
		if !t.gone[n] {
			sure = append(sure, f)
		}
	}
	return sure, refs
}

func (x *excerpt) unread() unread {
	var u unread
	for i, ref := range x.refs {
		if ref.unread != "" {
			u.index, u.refs = append(u.index, i), append(u.refs, ref.reference())
		}
	}
	return u
}

func (u *unread) think(x *excerpt, q question) {
	for _, i := range u.index {
		mend, spoil := q.contents(x.refs[i])
		u.mend, u.spoil = append(u.mend, mend), append(u.spoil, spoil)
	}
}

// worlds is how many have to be tried, or maxWork if that is less.
func (u unread) worlds(layered bool) int {
	alone, together := 0, 1
	for n := range u.index {
		alone += len(u.mend[n]) + len(u.spoil[n])
		together = min(together*len(u.mend[n]), maxWork)
	}
	if layered {
		return alone
	}
	return alone + together
}

// nested tells whether a reference sets something in a list of lists. Whether Helm can depends on more
// than the contents that are tried.
func (x *excerpt) nested() bool {
	return slices.ContainsFunc(x.refs, func(ref reference) bool {
		return ref.TargetPath != "" && strings.Contains(ref.TargetPath+"="+ref.data, "][")
	})
}

// trial runs the rules in one world after the other.
type trial struct {
	*excerpt
	rules func(any) []validate.Finding
	found []findingKey // with nothing in place of the unread
	gone  []bool       // tells of each whether it does not hold in some world
}

// run tells whether the findings are others in a world. Where possible says that the world may come
// about, it notes which are gone.
func (t *trial) run(w world, possible bool) (changed bool) {
	var now []findingKey
	values, _, err := merged(t.inline, t.refs, w)
	switch {
	case err == nil:
		now = keys(t.rules(values))
		changed = !slices.Equal(now, t.found)
	case w.base():
		changed = true // what has to be there for all to fit is not looked for
	default:
		return false // helm-controller does not get that far with such contents
	}
	if possible {
		holds := make(map[findingKey]bool, len(now))
		for _, f := range now {
			holds[f] = true
		}
		for n, f := range t.found {
			t.gone[n] = t.gone[n] || !holds[f]
		}
	}
	return changed
}

// findingKey is what makes two findings the same.
type findingKey struct{ rule, path, value, message string }

func keys(found []validate.Finding) []findingKey {
	out := make([]findingKey, 0, len(found))
	for _, f := range found {
		out = append(out, findingKey{f.Rule, f.Path.String(), f.Value, f.Message})
	}
	return out
}

// combinations yields every choice of one content for each reference.
func combinations(refs []int, contents [][]content) iter.Seq[world] {
	all := 1
	for _, c := range contents {
		all *= len(c)
	}
	return func(yield func(world) bool) {
		for choice := range all {
			w := world{}
			for n, i := range refs {
				w[i] = contents[n][choice%len(contents[n])]
				choice /= len(contents[n])
			}
			if !yield(w) {
				return
			}
		}
	}
}

// inlineAlone keeps the findings that inline values decide on sight: they are the top layer, and a list
// or scalar in them replaces whatever lies below. Only a targetPath could reach into it.
func (x *excerpt) inlineAlone(found []validate.Finding, layered bool) []validate.Finding {
	if !layered {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(found), func(f validate.Finding) bool {
		v := at(x.inline, f.Path[:min(len(f.Path), 2)])
		_, isMap := v.(map[string]any)
		return v == nil || isMap
	})
}
