package certificate

import (
	"bytes"
	"maps"
	"testing"
	"time"
)

// cluster is what all replicas share: the Secret and the caBundle.
type cluster struct {
	t      *testing.T
	makes  authority
	secret state
	bundle []byte
}

// step advances the shared state as a replica does at a time.
func (c *cluster) step(now time.Time) {
	c.t.Helper()
	next, err := c.makes.advance(now, c.secret, parse(c.bundle))
	if err != nil {
		c.t.Fatal(err)
	}
	c.secret = next
	c.bundle = encode(next.trusted()...)
}

// accepted reports whether an API server with this caBundle accepts what is served by a state.
func (c *cluster) accepted(bundle []byte, served state, now time.Time) bool {
	for _, ca := range parse(bundle) {
		if c.makes.serves(ca, served[keyCert], served[keyCertKey], now) {
			return true
		}
	}
	return false
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return &cluster{t: t, makes: authority{"a.b.svc", 1000 * time.Hour, 90 * time.Hour, 10 * time.Hour}}
}

// Lives of several CAs, in steps of two hours. Each API server that has seen the caBundle of up to eight hours ago accepts
// each replica, and each API server accepts a replica that serves what was kept up to eight hours ago: nothing depends on
// who learns first.
func TestRotationNeverServesWhatIsNotTrusted(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.makes.ca = 250 * time.Hour
	start := time.Now()
	var bundles [][]byte
	var served []state
	cas, certs := map[string]bool{}, map[string]bool{}
	for i := range 300 {
		now := start.Add(2 * time.Hour * time.Duration(i))
		c.step(now)
		bundles, served = append(bundles, c.bundle), append(served, maps.Clone(c.secret))
		cas[string(encode(parse(c.secret[keyCA])[0]))] = true
		certs[string(c.secret[keyCert])] = true
		if len(parse(c.bundle)) > 3 {
			t.Fatalf("step %d: the caBundle holds %d CAs", i, len(parse(c.bundle)))
		}
		for _, lag := range []int{0, min(i, 4)} {
			if !c.accepted(bundles[i-lag], c.secret, now) || !c.accepted(c.bundle, served[i-lag], now) {
				t.Fatalf("step %d: with a lag of %d steps a call fails", i, lag)
			}
		}
	}
	if len(cas) < 3 || len(certs) < 8 {
		t.Errorf("%d CAs and %d certificates in 600 hours: too few were rotated", len(cas), len(certs))
	}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tests := map[string]struct {
		lose                 []string
		later                time.Duration
		newCA, newCert, next bool
	}{
		"nothing is due": {},
		"the certificate is lost, the CA signs another":              {lose: []string{keyCert}, newCert: true},
		"its key is lost, the CA signs another":                      {lose: []string{keyCertKey}, newCert: true},
		"a third of the certificate's life is left":                  {later: 61 * time.Hour, newCert: true},
		"the CA's key is lost: another is trusted first":             {lose: []string{keyCAKey}, next: true},
		"the CA's key and the certificate are lost: no time to lose": {lose: []string{keyCAKey, keyCert}, newCA: true, newCert: true},
		"the CA is lost":     {lose: []string{keyCA}, newCA: true, newCert: true},
		"all is lost":        {lose: []string{keyCA, keyCAKey, keyCert, keyCertKey}, newCA: true, newCert: true},
		"the CA retires":     {later: 905 * time.Hour, newCert: true, next: true},
		"the CA has expired": {later: 1001 * time.Hour, newCA: true, newCert: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.step(now)
			was := maps.Clone(c.secret)
			if test.later > 10*time.Hour {
				c.step(now.Add(test.later - 10*time.Hour))
			}
			for _, key := range test.lose {
				delete(c.secret, key)
			}
			c.step(now.Add(test.later))
			got := c.secret
			if bytes.Equal(got[keyCert], was[keyCert]) == test.newCert {
				t.Errorf("new certificate: %t", !test.newCert)
			}
			if (!parse(got[keyCA])[0].Equal(parse(was[keyCA])[0])) != test.newCA {
				t.Errorf("new CA: %t", !test.newCA)
			}
			if (len(got[keyNext]) > 0) != test.next {
				t.Errorf("next CA: %t", !test.next)
			}
			if !c.accepted(c.bundle, got, now.Add(test.later)) {
				t.Error("what is served is not trusted")
			}
			if test.later < 1000*time.Hour && !holds(parse(c.bundle), parse(was[keyCA])[0]) {
				t.Error("the old CA has left the caBundle before its time")
			}
			again, err := c.makes.advance(now.Add(test.later), got, parse(c.bundle))
			if err != nil || !again.equal(got) {
				t.Errorf("not at rest after one step (%v)", err)
			}
		})
	}
}

// A new CA waits for the caBundle, not for the clock alone.
func TestNextCAWaitsUntilItIsTrusted(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	now := time.Now()
	c.step(now)
	old := parse(c.secret[keyCA])[0]
	delete(c.secret, keyCAKey)
	unwritten := c.bundle
	c.step(now)
	for _, test := range []struct {
		name   string
		bundle []byte
		later  time.Duration
		signs  bool
	}{
		{"not yet trusted", unwritten, 11 * time.Hour, false},
		{"trusted, and not for long", c.bundle, 9 * time.Hour, false},
		{"trusted for the overlap", c.bundle, 11 * time.Hour, true},
	} {
		got, err := c.makes.advance(now.Add(test.later), c.secret, parse(test.bundle))
		if err != nil {
			t.Fatal(err)
		}
		if signs := !parse(got[keyCA])[0].Equal(old); signs != test.signs {
			t.Errorf("%s: signs is %t", test.name, signs)
		}
	}
}
