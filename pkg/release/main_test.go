package release

import (
	"flag"
	"os"
	"testing"
)

// cases is how many generated cases a test runs.
var cases = 5000

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		cases = 2000
	}
	os.Exit(m.Run())
}
