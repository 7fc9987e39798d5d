// Package server is what serve runs: listeners, probes, the drain at the end, and the limits on what clients may hold.
//
// It knows requests and nothing of what is in them: which releases are bad is decided behind the http.Handler that it is
// given. Nobody who reaches a port may take the program beyond its memory or keep the API server out. It imports no other
// package of this module.
package server

import "time"

// logInterval is how often it is logged what clients can make happen many times a second.
const logInterval = 10 * time.Second
