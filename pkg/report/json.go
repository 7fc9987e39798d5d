package report

import (
	"bytes"
	"encoding/json"
	"io"
)

func writeJSON(w io.Writer, r *Report) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return err
	}
	_, err := w.Write(escape(out.Bytes(), inJSON))
	return err
}
