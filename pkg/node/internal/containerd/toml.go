package containerd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// maxTOML is how many bytes a file may have: the parser takes four times as long for twice as many tables.
const maxTOML = 64 << 10

// ReadTOML reads a file of the node that a parser may be given: it bounds by itself how deep values are nested.
func ReadTOML(ctx context.Context, files nodefs.Files, name string) ([]byte, error) {
	return files.ReadFile(ctx, name, maxTOML)
}

// tomlError says what is wrong in a file, and where.
func tomlError(err error) string {
	if at := (*toml.DecodeError)(nil); errors.As(err, &at) {
		row, column := at.Position()
		text, _, typed := strings.Cut(at.Error(), " into struct field ") // of this program
		if typed {
			text += " into " + strings.Join(at.Key(), ".")
		}
		return fmt.Sprintf("line %d, column %d: %s", row, column, redact.Line(text))
	}
	return redact.Line(err.Error())
}
