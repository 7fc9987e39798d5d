package keyring

import (
	"encoding/json"
	"testing"
)

// By the examples of the kubelet's own documentation, and a few more; its own package answers the same.
func TestMatchesImage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key, image string
		want       bool
	}{
		{"harbor.example.com", "harbor.example.com/team/app", true},
		{"https://harbor.example.com", "harbor.example.com/team/app", true},
		{"https://harbor.example.com/v2/", "harbor.example.com/team/app", true},
		{"http://harbor.example.com/v1/", "harbor.example.com/team/app", true},
		{"http://harbor.example.com/v1", "harbor.example.com/team/app", false},
		{"harbor.example.com/v2/team", "harbor.example.com/team/app", true},
		{"harbor.example.com/te", "harbor.example.com/team/app", true},
		{"harbor.example.com/team/", "harbor.example.com/team2/app", false},
		{"harbor.example.com/", "harbor.example.com/app", true},
		{"harbor.example.com/team", "harbor.example.com/team/app", true},
		{"harbor.example.com/other", "harbor.example.com/team/app", false},
		{"harbor.example.com:8443", "harbor.example.com/team/app", false},
		{"harbor.example.com:8443", "harbor.example.com:8443/team/app", true},
		{"harbor.example.com", "harbor.example.com:8443/team/app", false},
		{"*.example.com", "harbor.example.com/team/app", true},
		{"*.example.com", "a.b.example.com/team/app", false},
		{"har*.example.com", "harbor.example.com/team/app", true},
		{"*.*.example.com", "a.b.example.com/app", true},
		{"*", "harbor.example.com/app", false},
		{"https://index.docker.io/v1/", "docker.io/library/busybox", true},
		{"index.docker.io", "docker.io/library/busybox", true},
		{"index.docker.io/team", "docker.io/team/app", false},
		{"*.docker.io", "docker.io/library/busybox", false},
		{"registry-1.docker.io", "docker.io/library/busybox", false},
		{"docker.io", "docker.io/library/busybox", true},
		{"docker.io/team", "docker.io/team/app", true},
		{"docker.io/team", "docker.io/library/busybox", false},
		{"[2001:db8::1]:5000", "[2001:db8::1]:5000/app", true},
		{"[2001:db8::1]", "[2001:db8::1]/app", false},
		{"[", "harbor.example.com/app", false},
		{"", "harbor.example.com/app", false},
	} {
		text, err := json.Marshal(map[string]struct{}{test.key: {}})
		if err != nil {
			t.Fatal(err)
		}
		secret, err := Parse("pull", DockerConfig, map[string][]byte{".dockercfg": text})
		if err != nil {
			t.Fatal(err)
		}
		if got, complete := secret.For(test.image); got != test.want || complete {
			t.Errorf("%q and %q: %t", test.key, test.image, got)
		}
	}
}
