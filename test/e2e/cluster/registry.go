package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"
)

// Registry is an OCI registry on loopback, as far as one is needed to push to it:
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
type Registry struct {
	server *http.Server
	host   string

	mu      sync.Mutex
	uploads int
	content map[string][]byte // uploads by path, blobs by digest, manifests by tag
}

// StartRegistry starts one. Close ends it.
func StartRegistry(ctx context.Context) (*Registry, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address(0))
	if err != nil {
		return nil, fmt.Errorf("start registry: %w", err)
	}
	r := &Registry{host: listener.Addr().String(), content: map[string][]byte{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.server.Serve(listener) }() // ends with Close
	return r, nil
}

// Host is its address and port.
func (r *Registry) Host() string { return r.host }

// Close ends it.
func (r *Registry) Close() error { return r.server.Close() }

// Layer returns the only layer of what was pushed with a tag, as source-controller takes it out of an artifact of Flux.
func (r *Registry) Layer(tag string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var manifest struct {
		Layers []struct {
			MediaType string `json:"mediaType"`
			Digest    string `json:"digest"`
		} `json:"layers"`
	}
	if err := json.Unmarshal(r.content[tag], &manifest); err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", tag, err)
	}
	if len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != "application/vnd.cncf.flux.content.v1.tar+gzip" {
		return nil, fmt.Errorf("%s is no artifact of Flux: %v", tag, manifest.Layers)
	}
	layer, ok := r.content[manifest.Layers[0].Digest]
	if !ok {
		return nil, fmt.Errorf("the layer of %s was not pushed: %s", tag, manifest.Layers[0].Digest)
	}
	return layer, nil
}

// ServeHTTP implements http.Handler. What is pushed is never there yet.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := req.URL.Path
	switch kind := path.Base(path.Dir(at)); { // a repository may be called manifests too
	case at == "/v2/":
		w.WriteHeader(http.StatusOK)
	case req.Method == http.MethodPost:
		r.uploads++
		w.Header().Set("Location", fmt.Sprintf("%s%d", at, r.uploads))
		w.WriteHeader(http.StatusAccepted)
	case req.Method == http.MethodPatch:
		r.content[at] = append(r.content[at], body...)
		w.Header().Set("Location", at)
		w.WriteHeader(http.StatusAccepted)
	case req.Method == http.MethodPut && kind == "manifests":
		r.content[path.Base(at)] = body
		w.WriteHeader(http.StatusCreated)
	case req.Method == http.MethodPut:
		blob := slices.Concat(r.content[at], body)
		sum := sha256.Sum256(blob)
		r.content["sha256:"+hex.EncodeToString(sum[:])] = blob
		w.WriteHeader(http.StatusCreated)
	default:
		http.NotFound(w, req)
	}
}
