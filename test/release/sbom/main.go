// Command sbom prints what a Go program is made of, as CycloneDX 1.6: the modules that the linker took, and Go itself. It
// reads the program and nothing else, so it lists what is in it and not what go.mod asks for.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// The parts of CycloneDX that are filled in: https://cyclonedx.org/docs/1.6/json/
type (
	bom struct {
		Schema      string      `json:"$schema"`
		Format      string      `json:"bomFormat"`
		SpecVersion string      `json:"specVersion"`
		Version     int         `json:"version"`
		Metadata    metadata    `json:"metadata"`
		Components  []component `json:"components"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type    string  `json:"type"`
		Ref     string  `json:"bom-ref"`
		Name    string  `json:"name"`
		Version string  `json:"version"`
		PURL    string  `json:"purl"`
		Hashes  []sum   `json:"hashes,omitempty"`
		Props   []value `json:"properties,omitempty"`
	}
	sum struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	value struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: sbom VERSION PROGRAM")
	}
	version, file := args[0], args[1]
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(data)
	program := module("application", info.Main.Path, version)
	program.Hashes = []sum{{"SHA-256", hex.EncodeToString(digest[:])}}
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" {
			program.Props = append(program.Props, value{"go:" + s.Key, s.Value})
		}
	}
	list := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata:   metadata{program},
		Components: []component{module("library", "stdlib", strings.TrimPrefix(info.GoVersion, "go"))},
	}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		list.Components = append(list.Components, module("library", dep.Path, dep.Version))
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(list)
}

// module names a module as scanners look it up: https://github.com/package-url/purl-spec
func module(kind, path, version string) component {
	purl := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	return component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
}
