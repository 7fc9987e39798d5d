package substitute

import (
	"encoding/base64"
	"errors"
	"strings"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo/internal/yamldoc"
	"github.com/spegel-guard/spegel-guard/pkg/release"
)

// Datum is a value of a ConfigMap or Secret.
type Datum struct {
	Text   string
	Unread string // why it is not known; empty if it is, except for the unknown variables in it
	Wrong  error  // it is no text, so that no cluster takes the object
}

// Data is what a ConfigMap or Secret holds.
func Data(kind string, object []byte) (map[string]Datum, error) {
	var in struct {
		Data       map[string]any `json:"data"`
		StringData map[string]any `json:"stringData"`
	}
	if err := sigsyaml.Unmarshal(object, &in); err != nil {
		return nil, err
	}
	out := map[string]Datum{}
	for key, value := range in.Data {
		out[key] = datum(value, kind == "Secret", "data", key)
	}
	for key, value := range in.StringData {
		out[key] = datum(value, false, "stringData", key)
	}
	return out, nil
}

func datum(value any, coded bool, path ...any) Datum {
	text, isText := value.(string)
	if !isText && value != nil {
		bad, _ := errors.AsType[*yamldoc.FieldError](yamldoc.Into(map[string]any{"is": value}, &map[string]string{}))
		return Datum{Unread: "not a text", Wrong: &yamldoc.FieldError{Path: path, Want: bad.Want, Got: bad.Got}}
	}
	d := Datum{Text: text}
	if coded && !Encrypted(text) {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), "")) // it may be folded into lines
		switch names := Unknown(text); {
		case err == nil:
			d.Text = string(raw)
		case len(names) > 0:
			d.Unread = NoValue(names[0])
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

// source is the data of the last source that may stand for a ConfigMap or Secret, whose namespace may not be known. stand
// notes that those that may do, and reports whether there are any.
func (g *Given) source(ref release.Reference) (data map[string]string, stand func() bool) {
	var fit []int
	for i, s := range g.Sources {
		if s.Kind == ref.Kind && s.Name == ref.Name && (s.Namespace == ref.Namespace || s.Namespace == "" || ref.Namespace == "") {
			data, fit = s.Data, append(fit, i)
		}
	}
	return data, func() bool {
		for _, i := range fit {
			g.Stood[i] = true
		}
		return len(fit) > 0
	}
}
