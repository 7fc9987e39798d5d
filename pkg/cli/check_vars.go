package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// maxVars bounds a file of variables, in bytes. A Secret holds no more than one MiB.
const maxVars = 4 << 20

// variableName is what Flux substitutes (github.com/fluxcd/pkg/kustomize).
var variableName = regexp.MustCompile(`^[_a-zA-Z][_a-zA-Z0-9]*$`)

// readVars reads the values for variables: the files in their order, then the single ones, of which the
// last wins. No error shows anything of a value.
func readVars(files, single []string, stdin io.Reader) (map[string]string, error) {
	vars := map[string]string{}
	var errs []error
	for _, file := range files {
		values, err := readVarFile(file, stdin)
		errs = append(errs, err)
		maps.Copy(vars, values)
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
			vars[name] = value
		}
	}
	return vars, errors.Join(errs...)
}

func readVarFile(file string, stdin io.Reader) (map[string]string, error) {
	name, r := "standard input", stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("--vars: %w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		name, r = file, f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxVars+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--vars: %w", err)
	case len(data) > maxVars:
		return nil, fmt.Errorf("--vars %s: larger than %d bytes", name, maxVars)
	case strings.TrimSpace(string(data)) == "":
		return nil, fmt.Errorf("--vars %s: empty", name)
	}
	values, err := parseVars(data)
	if err != nil {
		return nil, fmt.Errorf("--vars %s%w", name, err)
	}
	return values, nil
}

// parseVars reads the YAML of objects, or dotenv. What is encrypted is no value of a variable, and taken
// for one it would decide that all is well.
func parseVars(data []byte) (map[string]string, error) {
	parse := parseDotenv
	if looksLikeObject(data) {
		parse = parseObjects
	}
	if fluxrepo.Encrypted(string(data)) || sopsMark.Match(data) {
		return nil, errSealed
	}
	values, err := parse(data)
	if err != nil {
		return nil, err
	}
	for _, value := range values { // out of the base64 of a Secret
		if fluxrepo.Encrypted(value) {
			return nil, errSealed
		}
	}
	return values, nil
}

// sopsMark is what SOPS adds to a dotenv file.
var sopsMark = regexp.MustCompile(`(?m)^\s*sops_(version|mac|lastmodified)\s*=`)

var errSealed = &placed{message: "encrypted with SOPS; decrypt it first: sops -d FILE | webhook check . --vars -"}
