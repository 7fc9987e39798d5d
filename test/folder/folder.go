// Package folder writes the folders that tests look at: a repository, a node. It imports nothing of the project.
package folder

import (
	"os"
	"testing"
	"testing/fstest"
)

// Write returns a folder with these files, by slash-separated paths in it. It goes with the test.
func Write(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	disk := fstest.MapFS{}
	for name, text := range files {
		disk[name] = &fstest.MapFile{Data: []byte(text)}
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, disk); err != nil {
		t.Fatal(err)
	}
	return dir
}
