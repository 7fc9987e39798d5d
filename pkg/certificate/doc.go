// Package certificate knows whether the certificate that is served is one that the API server accepts, and
// can make and rotate one of its own.
//
// It never logs or returns anything of a Secret, reads and writes single objects by name, and works in the
// background: a review never waits for it. An API server that does not answer changes nothing; the
// last known state stays. It may import nothing of the project.
package certificate
