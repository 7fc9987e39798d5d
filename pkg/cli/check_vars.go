package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxVars bounds a file of variables, in bytes. A Secret holds no more than one MiB.
const maxVars = 4 << 20

// variableName is what Flux substitutes (github.com/fluxcd/pkg/kustomize).
var variableName = regexp.MustCompile(`^[_a-zA-Z][_a-zA-Z0-9]*$`)

// variables are the values for variables that are handed over.
type variables struct {
	values  map[string]string
	sources []fluxrepo.Source // the ConfigMaps and Secrets among them
}

// set gives a variable a value that wins over those before it, also over that of a ConfigMap or Secret.
func (v *variables) set(name, value string) {
	v.values[name] = value
	for _, s := range v.sources {
		if _, ok := s.Data[name]; ok {
			s.Data[name] = value
		}
	}
}

// add adds a ConfigMap or Secret. One with a name stands for what substituteFrom names so, and for nothing else.
func (v *variables) add(s fluxrepo.Source) {
	if s.Name != "" {
		v.sources = append(v.sources, s)
		return
	}
	for name, value := range s.Data {
		v.set(name, value)
	}
}

// readVars reads the values for variables: the files in their order, then the single ones, of which the
// last wins. No error shows anything of a value.
func readVars(files, single []string, stdin io.Reader) (*variables, error) {
	vars := &variables{values: map[string]string{}}
	var errs []error
	for _, file := range files {
		errs = append(errs, vars.readFile(file, stdin))
	}
	for i, s := range single {
		name, value, ok := strings.Cut(s, "=")
		switch {
		case !ok: // it may be a value whose name was forgotten
			errs = append(errs, fmt.Errorf("--var number %d: want NAME=VALUE", i+1))
		case !variableName.MatchString(name):
			errs = append(errs, fmt.Errorf("--var %s: not a name that Flux substitutes", validate.Quote(name)))
		case fluxrepo.Encrypted(value):
			errs = append(errs, fmt.Errorf("--var %s: its value is encrypted with SOPS; decrypt it first, with sops -d", name))
		case !utf8.ValidString(value):
			errs = append(errs, fmt.Errorf("--var %s: its value is not UTF-8", name))
		default:
			vars.set(name, value)
		}
	}
	return vars, errors.Join(errs...)
}

func (v *variables) readFile(file string, stdin io.Reader) error {
	name, r := "standard input", stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("--vars: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		name, r = file, f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxVars+1))
	switch {
	case err != nil:
		return fmt.Errorf("--vars: %w", err)
	case len(data) > maxVars:
		return fmt.Errorf("--vars %s: larger than %d bytes", name, maxVars)
	case strings.TrimSpace(string(data)) == "":
		return fmt.Errorf("--vars %s: empty", name)
	}
	if err := v.parse(name, data); err != nil {
		return fmt.Errorf("--vars %w", err)
	}
	return nil
}

// parse reads the YAML of objects, or dotenv. What is encrypted is no value of a variable, and taken
// for one it would decide that all is well. Keys that can't be the name of a variable are left out.
func (v *variables) parse(file string, data []byte) error {
	sealed := fmt.Errorf("%s: encrypted with SOPS; decrypt it first: sops -d FILE | spegel-guard check . --vars -", file)
	if fluxrepo.Encrypted(string(data)) || sopsMark.Match(data) {
		return sealed
	}
	parse := parseDotenv
	if objectMark.Match(data) {
		parse = parseObjects
	}
	sources, err := parse(file, data)
	if err != nil {
		return err
	}
	for _, s := range sources {
		maps.DeleteFunc(s.Data, func(name, _ string) bool { return !variableName.MatchString(name) })
		for _, name := range slices.Sorted(maps.Keys(s.Data)) {
			switch value := s.Data[name]; {
			case fluxrepo.Encrypted(value): // in the base64 of a Secret
				return sealed
			case !utf8.ValidString(value):
				return fmt.Errorf("%s: the value of %s is not UTF-8", file, name)
			}
		}
		v.add(s)
	}
	return nil
}

// sayUnused names the single values, and the ConfigMaps and Secrets, that changed nothing.
func (v *variables) sayUnused(single []string, res *fluxrepo.Result, stderr io.Writer) {
	said := map[string]bool{}
	for _, s := range single {
		name, _, _ := strings.Cut(s, "=")
		if !res.Used(name) && !said[name] {
			said[name] = true
			fmt.Fprintf(stderr, "spegel-guard: --var %s has no effect: the repository sets ${%[1]s} itself, which wins, or nothing relevant uses it\n", name)
		}
	}
	for i, s := range v.sources {
		what := s.Kind + " " + validate.Clean(strings.TrimPrefix(s.Namespace+"/"+s.Name, "/"))
		if !res.Stood(i) && !said[what] {
			said[what] = true
			fmt.Fprintf(stderr, "spegel-guard: the %s of --vars has no effect: the repository holds it unencrypted, which wins, or no relevant substituteFrom names it\n", what)
		}
	}
}

// sopsMark is what SOPS adds to a dotenv file.
var sopsMark = regexp.MustCompile(`(?m)^\s*sops_(version|mac|lastmodified)\s*=`)
