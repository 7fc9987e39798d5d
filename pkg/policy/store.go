package policy

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"
)

// Store holds the policy in force and swaps in a new version of its file. It is safe for concurrent use.
type Store struct {
	path    string
	private []string
	current atomic.Pointer[inForce]
	seen    []byte // the file as it was read last, good or bad; Watch alone uses it
}

type inForce struct {
	policy *Policy
	since  time.Time
}

// Open loads the policy as Load does.
func Open(path string, privateRegistries []string) (*Store, error) {
	p, data, err := load(path, privateRegistries)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, private: privateRegistries, seen: data}
	s.current.Store(&inForce{p, time.Now()})
	return s, nil
}

// Current is the policy in force.
func (s *Store) Current() *Policy { return s.current.Load().policy }

// Since is when the policy in force was loaded.
func (s *Store) Since() time.Time { return s.current.Load().since }

// Watch reads the file every interval until the context ends, and puts a new version in force if it
// is good. It calls done after each new version, with what was wrong with it, or nil. It polls: a
// mounted ConfigMap changes by a swap of symbolic links, which a read always sees.
func (s *Store) Watch(ctx context.Context, interval time.Duration, done func(error)) {
	if s.path == "" {
		return
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.reload(done)
		}
	}
}

// reload looks at the file once. One that can't be read is reported once, until that changes.
func (s *Store) reload(done func(error)) {
	p, data, err := load(s.path, s.private)
	if data == nil && err != nil {
		data = []byte(err.Error())
	}
	if bytes.Equal(data, s.seen) {
		return
	}
	s.seen = data
	if err == nil {
		s.current.Store(&inForce{p, time.Now()})
	}
	done(err)
}
