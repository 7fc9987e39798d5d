package fluxrepo

import (
	"regexp"
	"slices"
	"strings"
)

// holes are where the values of a release hold variables without a value. What stands deeper than rules
// look is none.
type holes struct {
	scalars    []string // variables in scalars
	top, below []string // keys at the top of the values, and under spegel, that hold variables
}

// names lists the variables, sorted, each once.
func (h *holes) names() []string {
	out := slices.Clone(h.scalars)
	for _, key := range slices.Concat(h.top, h.below) {
		out = append(out, namesIn(key)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// find adds the holes of values.
func (h *holes) find(values any) {
	(&filling{world: world{}, holes: h}).fill(values, 0, true)
	for _, list := range []*[]string{&h.scalars, &h.top, &h.below} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

// fill makes values what they are in a world.
func (w world) fill(values any) any { return (&filling{world: w}).fill(values, 0, true) }

// filling goes through values: it fills the holes, or lists them.
type filling struct {
	world world
	holes *holes
}

// fill goes into the values at depth 0, their keys at 1, those of spegel at 2 and entries at 3. spegel
// says that rules may look deeper than here.
func (f *filling) fill(v any, depth int, spegel bool) any {
	switch v := v.(type) {
	case map[string]any:
		if depth > 1 || !spegel {
			return v // no rule looks into it
		}
		out := make(map[string]any, len(v))
		for key, value := range v {
			name, in := f.key(v, key, depth)
			out[name] = f.fill(value, depth+1, in)
		}
		return out
	case []any:
		if depth != 2 || !spegel {
			return v
		}
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = f.fill(item, depth+1, true)
		}
		return out
	case string:
		return f.scalar(v, depth, spegel)
	}
	return v
}

// key is the name of a key in this world, and whether rules may look below it.
func (f *filling) key(m map[string]any, key string, depth int) (name string, spegel bool) {
	rename, names := f.world.top, namesAtTop
	if depth == 1 {
		rename, names = f.world.below, namesBelow
	}
	if !strings.Contains(key, harmlessMark) {
		return key, depth == 1 || key == "spegel"
	}
	could := slices.ContainsFunc(names, func(name string) bool { return couldBe(key, name) })
	if could && f.holes != nil {
		if depth == 0 {
			f.holes.top = append(f.holes.top, key)
		} else {
			f.holes.below = append(f.holes.below, key)
		}
	}
	name = key
	if _, taken := m[rename.name]; key == rename.key && !taken { // Flux refuses a key that stands there twice
		name = rename.name
	}
	return name, depth == 1 || couldBe(key, "spegel")
}

func (f *filling) scalar(s string, depth int, spegel bool) any {
	names := namesIn(s)
	if len(names) == 0 {
		return s
	}
	if f.holes != nil {
		f.holes.scalars = append(f.holes.scalars, names...)
	}
	if f.world.guess == nil || f.world.only != "" && !slices.Contains(names, f.world.only) {
		return s
	}
	if !spegel {
		depth = 3 // anything that is not null counts the same
	}
	return f.world.guess(depth)
}

// couldBe tells whether a key with variables in it could be a name.
func couldBe(key, name string) bool {
	parts := harmlessName.Split(key, -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	re, err := regexp.Compile("^" + strings.Join(parts, ".*") + "$")
	return err == nil && re.MatchString(name)
}
