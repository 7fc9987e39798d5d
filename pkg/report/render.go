package report

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
)

// The formats for people, and junit, are templates. What they show of names and messages goes through a function that
// leaves nothing in it that could steer a terminal or end a line: line, or that of the format. They call no methods, but
// functions: text/template looks for methods by name, so that the linker could drop none of the whole program.
//
//go:embed *.tmpl
var templates embed.FS

// render fills in a template, which has the functions that all of them have, and more.
func render(w io.Writer, name string, data any, more template.FuncMap) error {
	t, err := template.New(name).Funcs(template.FuncMap{
		"line": func(text any) string { return printable(fmt.Sprint(text)) },
		"join": join, "list": strings.Join, "count": count, "some": some,
		"label": func(of interface{ label() string }) string { return of.label() }, "what": (*Entry).what, "onDisk": Place.onDisk,
		"id": (*Release).ID, "entries": (*Release).Entries, "place": Place.String,
	}).Funcs(more).ParseFS(templates, name)
	if err != nil {
		return err
	}
	return t.Execute(w, data)
}

// unique leaves out what was there before.
func unique(lines []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(lines, func(line string) bool {
		again := seen[line]
		seen[line] = true
		return again
	})
}
