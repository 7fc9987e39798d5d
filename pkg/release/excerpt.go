package release

import (
	"encoding/json"
	"slices"

	"helm.sh/helm/v4/pkg/chart/common"
	"sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// excerpt is what the findings are about: of the inline values and of each reference, the key spegel and
// the top-level keys that have a finding, so that the rest of a large object is not merged again and
// again. With a targetPath in the release it is everything, because what can be set at one path
// depends on others.
type excerpt struct {
	inline any
	refs   []reference
	values any // the effective values, in full
	size   int // about how many bytes one merge reads
}

func (r *Release) excerpt(found []validate.Finding) *excerpt {
	x := &excerpt{inline: r.inline, refs: slices.Clone(r.refs), values: r.values}
	if !hasTargetPath(r.refs) {
		keys := []string{spegelKey}
		for _, f := range found {
			if len(f.Path) == 1 {
				keys = append(keys, f.Path[0].(string))
			}
		}
		if top, ok := r.inline.(map[string]any); ok {
			x.inline = pick(top, keys)
		}
		for i := range x.refs {
			if !x.refs[i].wasRead() {
				x.refs[i].data = "" // there may be data: what is too large to look at
				continue
			}
			if tree, err := common.ReadValues([]byte(x.refs[i].data)); err == nil { // if not, it is unread
				x.refs[i].data = text(pick(tree, keys))
			}
		}
	}
	if raw, err := json.Marshal(x.inline); err == nil {
		x.size = len(raw)
	}
	for _, ref := range x.refs {
		x.size += len(ref.data) + listCost(ref.TargetPath)
	}
	return x
}

func hasTargetPath(refs []reference) bool {
	return slices.ContainsFunc(refs, func(ref reference) bool { return ref.TargetPath != "" })
}

func pick(top map[string]any, keys []string) map[string]any {
	out := map[string]any{}
	for _, key := range keys {
		if v, ok := top[key]; ok {
			out[key] = v
		}
	}
	return out
}

// text writes a tree for the merge to read.
func text(tree map[string]any) string {
	b, err := yaml.Marshal(tree)
	if err != nil {
		return "" // can't be: maps, lists and scalars
	}
	return string(b)
}
