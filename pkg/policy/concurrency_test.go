package policy_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/spegel-guard/spegel-guard/pkg/policy"
)

func TestReadersSeeOneWholeVersionWhileVersionsChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, head)
	store, err := policy.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	good := make(chan struct{})
	all.Go(func() {
		store.Watch(ctx, time.Millisecond, func(err error) {
			if err != nil {
				t.Errorf("a version is refused: %v", err)
			}
			select {
			case good <- struct{}{}:
			case <-ctx.Done():
			}
		})
	})
	for range 4 {
		all.Go(func() {
			for last := store.Since(); ctx.Err() == nil; {
				p := store.Current()
				if deny := p.Unresolved == policy.UnresolvedDeny; deny != (len(p.PrivateRegistries) == 1) {
					t.Errorf("half of a version: %v", p)
				}
				if since := store.Since(); since.Before(last) {
					t.Errorf("the policy of %s is in force after that of %s", since, last)
				} else {
					last = since
				}
			}
		})
	}
	versions := []string{head + "unresolved: deny\nprivateRegistries: [a.example]\n", head}
	for i := range 20 {
		next := write(t, t.TempDir(), versions[i%2])
		if err := os.Rename(next, filepath.Join(dir, "policy.yaml")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-good:
		case <-ctx.Done():
			t.Fatalf("version %d did not come into force", i)
		}
	}
}
