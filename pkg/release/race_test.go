//go:build race

package release

// cases makes up for the race detector, which makes the generated cases about ten times slower.
const cases = 300
