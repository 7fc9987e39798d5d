package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAFingerprintOutlivesAComment checks a repository before and after lines of no meaning went in above and between.
func TestAFingerprintOutlivesAComment(t *testing.T) {
	t.Parallel()
	fingerprints := func(release string) (all []map[string]string, lines []int) {
		dir := repository(t, release)
		if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, _ := shell(t, filepath.Join(dir, "kubernetes"), "spegel-guard check -o sarif")
		var file struct {
			Runs []struct {
				Results []struct {
					PartialFingerprints map[string]string
					Locations           []struct {
						PhysicalLocation struct{ Region struct{ StartLine int } }
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(stdout), &file); err != nil {
			t.Fatalf("%v\n%s%s", err, stdout, stderr)
		}
		for _, result := range file.Runs[0].Results {
			all = append(all, result.PartialFingerprints)
			lines = append(lines, result.Locations[0].PhysicalLocation.Region.StartLine)
		}
		return all, lines
	}
	before, at := fingerprints(badRelease)
	after, moved := fingerprints("# why this is here\n" + releaseHead + "      # which registries\n\n      registries: [https://docker.io] # one\n")
	if len(before) == 0 || cmp.Equal(at, moved) {
		t.Fatalf("lines %v and %v", at, moved)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("fingerprints (-before +after):\n%s", diff)
	}
}
