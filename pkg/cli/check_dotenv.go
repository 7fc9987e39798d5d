package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/fluxrepo"
)

// dotenvLine is NAME=VALUE: after an optional export, with a value that may stand in quotes, and an optional comment. Not all of
// its names are such as Flux substitutes.
var dotenvLine = regexp.MustCompile(`^(?:export\s+)?([-._a-zA-Z0-9]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"\s*(?:#.*)?|'([^']*)'\s*(?:#.*)?|((?:[^"'].*?)?)(?:\s+#.*)?)$`)

// parseDotenv reads NAME=VALUE, one a line, among blank lines and comments.
func parseDotenv(file string, data []byte) ([]fluxrepo.Source, error) {
	// Double quotes are read as a shell reads them. Nothing is expanded, because a password may hold a dollar sign.
	unescape := strings.NewReplacer(`\n`, "\n", `\"`, `"`, `\\`, `\`, `\$`, `$`)
	vars := map[string]string{}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := dotenvLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: want NAME=VALUE, with quotes closed, or the YAML of a ConfigMap or Secret", file, number)
		}
		vars[m[1]] = unescape.Replace(m[2]) + m[3] + m[4]
	}
	return []fluxrepo.Source{{Data: vars}}, nil
}
