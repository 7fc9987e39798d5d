package report

import (
	"bytes"
	"encoding/json"
	"io"
)

// encodeJSON writes a document whose text steers no terminal.
func encodeJSON(w io.Writer, document any) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return err
	}
	_, err := w.Write(escape(out.Bytes(), inJSON))
	return err
}
