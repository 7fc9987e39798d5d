//go:build race

package cli_test

const raceEnabled = true // the race detector takes several times the memory
