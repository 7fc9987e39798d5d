package cli

import "net/http"

// closing moves the API server to another replica in time.
//
// The API server keeps its connections for a Service's webhook and sends the next review on one of them. If that
// connection is closed at the same moment, the review fails: a POST is not tried again. So from the begin of the drain
// on, each answer is the last one of its connection and says so, and at the end of the delay none is left to be closed.
func (h *health) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
