package redact

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestHideTokens(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Authorization: Bearer abcdef.x":        "Authorization: ***",
		`{"token": "abcdef", "a": 1}`:           `{"token": ***`,
		"https://u:p@h/x?y=z end":               "https://***@h/x?*** end",
		"password=abc, next":                    "password=***",
		"failed to fetch oauth token: 401":      "failed to fetch oauth token: 401",
		"authorization failed: no basic auth":   "authorization failed: no basic auth",
		"h/app:v1: not found":                   "h/app:v1: not found",
		`msg="x" auth=\"YWJjZGVm\" level=error`: `msg="x" auth=***`,
	} {
		if got := hideTokens(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

// A value may be of several words, hold what ends a user name, or stand after any name.
func TestHideTokensHidesTheRest(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"Authorization: token hunter2", "Authorization: Digest username=a, response=hunter2", "password: hunter2", "api_key=hunter2",
		"client_secret=hunter2", "x-api-key: hunter2", "X-Registry-Auth: hunter2", "Set-Cookie: sid=hunter2", "bearer token hunter2",
		"http://user:p@hunter2@host", "http://user:pa/hunter2@host", "failed to fetch oauth token: token=hunter2", "password:\nhunter2",
		"got eyJhbGciOi.hunter2.hunter2 back", `{\\"password\\": \\"hunter2\\"}`,
	} {
		if got := hideTokens("Get failed: " + in); strings.Contains(got, "hunter2") || !strings.HasPrefix(got, "Get failed: ") {
			t.Errorf("%s is shown as %s", in, got)
		}
	}
}

// Go repeats a URL that it can't read, and of a password with a slash what looks like a port.
func TestHideTokensOfAnUnreadableURL(t *testing.T) {
	t.Parallel()
	for _, proxy := range []string{"http://bob:hunter pass@proxy:3128", "http://bob:pa ss hunter@proxy", "http://bob:hunter/x@proxy", "http://bob:hunter\"s own@proxy", "http://bob:hunter%zz@proxy", "http://bob:pa\thunter@proxy"} {
		_, err := url.Parse(proxy)
		if err == nil {
			t.Fatalf("%q can be parsed", proxy)
		}
		for _, in := range []string{err.Error(), fmt.Sprintf("msg=%q level=error", err)} {
			if got := Line("Get failed: " + in); strings.Contains(got, "hunter") || strings.Contains(got, "bob") || !strings.HasPrefix(got, "Get failed: ") {
				t.Errorf("%s is shown as %s", in, got)
			}
		}
	}
	const in, want = `Get "https://h/v2/": parse "http://bob:hunter pass@proxy": net/url: invalid userinfo`, `Get "https://h/v2/": parse ***: net/url: invalid userinfo`
	if got := Line(in); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// Nothing stands before these that tells what they are. No value is or was a real one.
func TestHideTokensByTheirForm(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"Docker Hub":                      "dckr_pat_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ0",
		"AWS, the key's id":               "AKIA" + "IOSFODNN7EXAMPLE",
		"AWS, the key":                    "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
		"npm":                             "npm_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
		"GitHub":                          "ghp_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
		"GitLab":                          "glpat-" + "aBcDeFgHiJkLmNoPqRsT",
		"a UUID":                          "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
		"Harbor's secret":                 "kT8vQ2mZ5xW1rB7nJ4cL9pD3sF6hG0yA",
		"Azure":                           "abC8Q~dEf1GhI2jKl3MnO4pQr5StU6vWx7Yz",
		"a random one of small letters":   "q7w3e9r2t5y8u1i4o6p0a3s5d7f9g2h4",
		"hex":                             "3f2c9a71b0e4d85c6fa1027be93d4c58a6b1f07e",
		"a JSON web token":                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.s5F-t_q8Zk2LmN4oP6rS8tUvWxYz",
		"a robot with its secret":         "robot$ci:hunter2",
		"a robot of a project":            "robot$team+ci:hunter2",
		"a robot, escaped":                "robot%24ci:hunter2",
		"a user and a password":           "user:hunter2@harbor.example.com",
		"the same in a URL":               "https://user:hunter2@harbor.example.com/v2/",
		"a password that holds a word":    "https://user:hunter2@x/sha256:1@harbor.example.com/v2/",
		"a signed URL":                    "https://b.s3.amazonaws.com/a?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2",
		"a signed URL of Azure":           "https://a.blob.core.windows.net/a?sig=hunter2&se=2026",
		"a path with a query":             "/v2/token?account=hunter2",
		"parameters that are no URL's":    "X-Amz-Date=2026&X-Amz-Signature=hunter2&x=y",
		"a signature":                     "Signature=hunter2",
		"a short name":                    "pw=hunter2",
		"passwd":                          "passwd: hunter2",
		"credentials":                     "creds=hunter2",
		"a key":                           "AccountKey=hunter2",
		"a name that looks like an image": "user/password:hunter2",
		"an unknown token in a path":      "https://cdn.example.com/v1/kT8vQ2mZ5xW1rB7nJ4cL9pD3sF6hG0yA/blob",
	} {
		got := hideTokens("Get failed: " + in + " denied")
		for _, piece := range append(strings.FieldsFunc(in, func(r rune) bool { return strings.ContainsRune("/.:?=&", r) }), "hunter2") {
			if secret := piece == "hunter2" || len(piece) > 15 && strings.ContainsAny(piece, "0123456789"); secret && strings.Contains(got, piece) {
				t.Errorf("%s: %s", name, got)
			}
		}
		if !strings.HasPrefix(got, "Get failed: ") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What a person needs in order to understand an error.
func TestHideTokensKeepsTheReason(t *testing.T) {
	t.Parallel()
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, text := range []string{
		`rpc error: code = NotFound desc = failed to pull and unpack image "harbor.example.com:8443/team/app:v1.2.3": failed to resolve reference "harbor.example.com:8443/team/app:v1.2.3": not found`,
		`failed to resolve reference "harbor.example.com/team/token:v1": unexpected status from HEAD request to http://192.0.2.1:30020/v2/team/token/manifests/v1?***: 404 Not Found`,
		`failed to copy: httpReadSeeker: failed open: content at https://harbor.example.com/v2/team/app/manifests/` + digest + ` not found: not found`,
		"harbor.example.com/team/app:v1@" + digest + ": not found",
		"docker://harbor.example.com/team/app@" + digest + ": not found",
		"harbor.example.com/build/app:0123456789abcdef0123456789abcdef01234567: not found",
		"harbor.example.com/build/app:20260301T115930Z-kT8vQ2mZ5xW1rB7n, not found",
		`Get "https://auth.example.com/token": dial tcp 192.0.2.7:443: connect: connection refused`,
		"Get https://auth.example.com/oauth/token: 503",
		"pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
		"failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://auth.example.com/token?***: 403 Forbidden",
		"tls: failed to verify certificate: x509: certificate is valid for ingress.local, not harbor.example.com",
		"lookup a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6-1234567890.eu-west-1.elb.amazonaws.com on 10.96.0.10:53: no such host",
		"dial tcp: lookup gke-prod-1-default-pool-3f5a2b1c-x7k2: no such host",
		"pod spegel-7d9f8b6c4d-x2x4z of node ip-10-0-12-34 at 2026-03-01T11:59:30.123456789Z",
		"*http.http2StreamError: UnsupportedManifestSchemaV2, application/vnd.docker.distribution.manifest.v2+json",
		"can't read /var/lib/containerd/io.containerd.content.v1.content/ingest: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	} {
		if got := hideTokens(text); got != text {
			t.Errorf("\nwant %s\n got %s", text, got)
		}
	}
}

// An entry of Spegel's list may hold a password, and be no URL.
func TestNamesHoldNoPassword(t *testing.T) {
	t.Parallel()
	if got := Name("robot$ci:hunter2@harbor.example.com"); got != "***@harbor.example.com" {
		t.Error(got)
	}
}

// Of a line that is cut, no secret's beginning is left, and hiding twice is hiding once.
func FuzzHideTokens(f *testing.F) {
	for _, seed := range []string{"", "https://", " x", "a=b ", "@", "?", "robot$", "\\\"", "h.example.com/a:1 "} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "dckr_pat_kT8vQ2mZ5xW1rB7nJ4cL9pD3sF6"
		got := Line(before + " " + secret + " " + after)
		if strings.Contains(got, secret[:12]) {
			t.Errorf("%q", got)
		}
		if again := hideTokens(got); !strings.HasSuffix(got, "...") && again != hideTokens(again) {
			t.Errorf("%q, then %q", got, again)
		}
	})
}
