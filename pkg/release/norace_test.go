//go:build !race

package release

// cases is how many generated cases a test runs.
const cases = 3000
