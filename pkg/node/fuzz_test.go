package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzBundle wants no panic, and nothing kept beyond the bounds.
func FuzzBundle(f *testing.F) {
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add(append([]byte("etc/hosts"), make([]byte, 1024)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(t.TempDir(), "bundle")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		nodes, err := OpenBundle(t.Context(), name)
		if err == nil && len(nodes) == 0 {
			t.Error("no node and no error")
		}
		if _, err := Examine(t.Context(), nodes, Options{}); err != nil {
			t.Error(err)
		}
	})
}
