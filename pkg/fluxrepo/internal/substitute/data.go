package substitute

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// Datum is a value of a ConfigMap or Secret.
type Datum struct {
	Text   string
	Unread string // why it is not known; empty if it is, except for the unknown variables in it
}

// Data is what a ConfigMap or Secret holds. An error is about an object that no cluster takes, such as one with a value that
// is no text.
func Data(kind string, object []byte) (map[string]Datum, error) {
	var in struct {
		Data       map[string]string `json:"data"`
		StringData map[string]string `json:"stringData"`
	}
	if err := yamldoc.Read(object, &in); err != nil {
		return nil, err
	}
	out := map[string]Datum{}
	for key, text := range in.Data {
		out[key] = datum(text, kind == "Secret")
	}
	for key, text := range in.StringData {
		out[key] = datum(text, false)
	}
	return out, nil
}

func datum(text string, coded bool) Datum {
	d := Datum{Text: text}
	if coded {
		raw, err := base64.StdEncoding.DecodeString(text)
		switch _, name, _ := Cut(text); {
		case err == nil:
			d.Text = string(raw)
		case name != "":
			d.Unread = NoValue(name)
		default:
			d.Unread = "not base64"
		}
	}
	if Encrypted(d.Text) {
		d.Unread = SealedReason
	}
	return d
}

// NoValue is the reason where nothing more is known of a variable.
func NoValue(name string) string { return "${" + name + "} has no value" }

// Source is a ConfigMap or Secret that is handed over for what substituteFrom names. One without a namespace fits any.
type Source struct {
	Kind, Namespace, Name string
	Data                  map[string]string
}

// Given is what the user hands over, and what was made of it.
type Given struct {
	Vars    map[string]string
	Sources []Source

	Used  map[string]bool // variables of Vars, and of Sources, that were put in anywhere
	Stood map[int]bool    // sources that stood for a ConfigMap or Secret, by index
}

// NewGiven is what was handed over, before anything is made of it.
func NewGiven(vars map[string]string, sources []Source) *Given {
	return &Given{Vars: vars, Sources: sources, Used: map[string]bool{}, Stood: map[int]bool{}}
}

// Values are all that was handed over, as it is put in.
func (g *Given) Values() (all []string) {
	for _, s := range append([]Source{{Data: g.Vars}}, g.Sources...) {
		for _, value := range s.Data {
			all = append(all, oneLine(value))
		}
	}
	return all
}

// oneLine is a value as Flux puts it in.
func oneLine(value string) string { return strings.ReplaceAll(value, "\n", "") }

// standIn is the last source that may stand for a ConfigMap or Secret, whose namespace may not be known. at is its index, or
// -1 for none.
func (g *Given) standIn(ref release.Reference) (at int, data map[string]string) {
	for i, s := range slices.Backward(g.Sources) {
		if s.Kind == ref.Kind && s.Name == ref.Name && (s.Namespace == ref.Namespace || s.Namespace == "" || ref.Namespace == "") {
			return i, s.Data
		}
	}
	return -1, nil
}
