package install_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// mostValues is how much of an object of at most 3 MiB values can be, in bytes.
const mostValues = 3<<20 - 4<<10

// expensiveReview is a review that costs much, and whether the release is bad.
type expensiveReview struct {
	name        string
	body        []byte
	bad, refers bool
}

// expensiveValues are contents of ConfigMaps, which hold 1 MiB at most.
func expensiveValues() map[string]string {
	const size = 1<<20 - 4<<10
	list := func(entry string, entries int) string {
		return "spegel:\n  mirroredRegistries: [" + strings.Repeat(entry+",", entries) + entry + "]\n"
	}
	return map[string]string{
		"costly-maps": list("{}", size/3), "costly-words": list("x", size/2), "costly-block": "a:\n" + strings.Repeat("- x\n", size/4),
		"costly-few-maps": list("{}", 30_000), "costly-few-lists": list("[]", 30_000), // as many as are looked at
	}
}

func configMap(t *testing.T, name, values string) []byte {
	t.Helper()
	return encode(t, map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "default"},
		"data": map[string]any{"values.yaml": values},
	})
}

// expensiveReviews are some of usual size and many of the largest: long lists of the shortest entries, of good ones and of
// private ones, many keys, updates that change them, and the ConfigMaps.
func expensiveReviews(t *testing.T) []expensiveReview {
	t.Helper()
	list := func(entry string, size int) json.RawMessage {
		return json.RawMessage(`{"spegel":{"mirroredRegistries":[` + strings.Repeat(entry+",", size/(len(entry)+1)) + entry + `]}}`)
	}
	var keys strings.Builder
	for i := range mostValues / 12 {
		fmt.Fprintf(&keys, `"%x":[],`, i+1<<20)
	}
	good := json.RawMessage(`{"spegel":{"mirroredRegistries":["https://docker.io"]}}`)
	bad := json.RawMessage(`{"spegel":{"registries":["https://docker.io"]}}`)
	numbers, words := list("1", mostValues), list(`"x"`, mostValues)
	all := []expensiveReview{
		{name: "good", body: reviewOf(t, good, nil)},
		{name: "bad", body: reviewOf(t, bad, nil), bad: true},
		{name: "numbers", body: reviewOf(t, numbers, nil), bad: true},
		{name: "words", body: reviewOf(t, words, nil), bad: true},
		{name: "maps", body: reviewOf(t, list("{}", mostValues), nil), bad: true},
		{name: "good entries", body: reviewOf(t, list(`"https://a"`, mostValues), nil)},
		{name: "private entries", body: reviewOf(t, list(`"https://registry.example.ts.net"`, mostValues), nil), bad: true},
		{name: "a long list becomes good", body: reviewOf(t, good, numbers)},
		{name: "keys", body: reviewOf(t, json.RawMessage(`{`+keys.String()+`"spegel":{"mirroredRegistries":["https://docker.io"]}}`), nil)},
		{name: "update", body: reviewOf(t, words, numbers), bad: true},
	}
	for name := range expensiveValues() {
		all = append(all,
			expensiveReview{name: name, body: reviewOf(t, nil, nil, name), bad: true, refers: true},
			expensiveReview{name: name + " below numbers", body: reviewOf(t, numbers, nil, name), bad: true, refers: true},
			expensiveReview{name: name + " twice, and keys", body: reviewOf(t, json.RawMessage(`{`+keys.String()+`"x":1}`), nil, name, name), bad: true, refers: true})
	}
	return all
}

// reviewOf is the review of a release of Spegel with these values, or of an update where there are old ones.
func reviewOf(t *testing.T, values, old json.RawMessage, from ...string) []byte {
	t.Helper()
	object := func(values json.RawMessage) any {
		release := helmRelease(t, "spegel", "suspend: false").Object
		spec := release["spec"].(map[string]any)
		if values != nil {
			spec["values"] = values
		}
		var refs []any
		for _, name := range from {
			refs = append(refs, map[string]any{"kind": "ConfigMap", "name": name})
		}
		if refs != nil {
			spec["valuesFrom"] = refs
		}
		return release
	}
	request := map[string]any{
		"uid": "1", "operation": "CREATE", "namespace": "default", "name": "spegel", "dryRun": false, "object": object(values),
		"kind": map[string]any{"group": "helm.toolkit.fluxcd.io", "version": "v2", "kind": "HelmRelease"},
	}
	if old != nil {
		request["operation"], request["oldObject"] = "UPDATE", object(old)
	}
	return encode(t, map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
