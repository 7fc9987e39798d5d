package cluster

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// Push makes files, by their path, the content of GitRepository namespace/name, as a commit would: it serves
// them as an artifact and sets the status as source-controller does. The revision depends on the
// content alone.
func (f *Flux) Push(ctx context.Context, namespace, name string, files map[string]string) error {
	artifact, err := pack(files)
	if err != nil {
		return fmt.Errorf("push to %s/%s: %w", namespace, name, err)
	}
	api, err := f.sources()
	if err != nil {
		return err
	}
	repo := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if _, err := controllerutil.CreateOrUpdate(ctx, api, repo, func() error {
		repo.Spec.URL = "https://git.example.com/" + name
		repo.Spec.Interval = metav1.Duration{Duration: time.Hour}
		return nil
	}); err != nil {
		return fmt.Errorf("push to %s/%s: %w", namespace, name, err)
	}
	repo.Status = sourcev1.GitRepositoryStatus{
		ObservedGeneration: repo.Generation, Artifact: f.serve(artifact, "main@sha1:%.40s"), Conditions: stored(repo.Generation),
	}
	if err := api.Status().Update(ctx, repo); err != nil {
		return fmt.Errorf("push to %s/%s: %w", namespace, name, err)
	}
	return nil
}

// Pull makes a tar.gz the content of OCIRepository namespace/name, as source-controller does with the layer of what it pulls.
func (f *Flux) Pull(ctx context.Context, namespace, name string, layer []byte) error {
	api, err := f.sources()
	if err != nil {
		return err
	}
	var repo sourcev1.OCIRepository
	if err := api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &repo); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	repo.Status = sourcev1.OCIRepositoryStatus{
		ObservedGeneration: repo.Generation, Artifact: f.serve(layer, repo.Spec.Reference.Tag+"@sha256:%s"), Conditions: stored(repo.Generation),
	}
	if err := api.Status().Update(ctx, &repo); err != nil {
		return fmt.Errorf("pull %s/%s: %w", namespace, name, err)
	}
	return nil
}

// sources is a client for Flux's sources.
func (f *Flux) sources() (client.Client, error) {
	scheme := runtime.NewScheme()
	if err := sourcev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return client.New(f.cluster.Config(), client.Options{Scheme: scheme})
}

// serve serves an artifact. Its revision depends on its content alone: a format for the digest, of which git has 40 digits.
func (f *Flux) serve(artifact []byte, revision string) *meta.Artifact {
	sum := sha256.Sum256(artifact)
	digest := hex.EncodeToString(sum[:])
	size := int64(len(artifact))
	return &meta.Artifact{
		Path: digest + ".tar.gz", URL: f.server.add(digest, artifact), Revision: fmt.Sprintf(revision, digest),
		Digest: "sha256:" + digest, LastUpdateTime: metav1.Now(), Size: &size,
	}
}

// stored says that a source is ready.
func stored(generation int64) []metav1.Condition {
	return []metav1.Condition{{
		Type: meta.ReadyCondition, Status: metav1.ConditionTrue, Reason: meta.SucceededReason,
		Message: "stored artifact", LastTransitionTime: metav1.Now(), ObservedGeneration: generation,
	}}
}

// pack makes a tar.gz that is the same for the same files.
func pack(files map[string]string) ([]byte, error) {
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	archive := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			return nil, err
		}
		if _, err := archive.Write([]byte(files[name])); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// artifactServer serves artifacts by their digest, on loopback.
type artifactServer struct {
	base   string
	server *http.Server

	mu        sync.Mutex
	artifacts map[string][]byte
}

func serveArtifacts(ctx context.Context) (*artifactServer, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address(0))
	if err != nil {
		return nil, err
	}
	s := &artifactServer{base: "http://" + listener.Addr().String() + "/", artifacts: map[string][]byte{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // ends with close
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *artifactServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	artifact, ok := s.artifacts[r.URL.Path]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(artifact)
}

func (s *artifactServer) add(digest string, artifact []byte) (url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.artifacts["/"+digest+".tar.gz"] = artifact
	return s.base + digest + ".tar.gz"
}

func (s *artifactServer) close() error { return s.server.Close() }
