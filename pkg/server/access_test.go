package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// tokens is the part of an API server that knows tokens: who each belongs to, and who may get /metrics.
type tokens struct {
	mu       sync.Mutex
	accounts map[string]string // by token
	may      map[string]bool   // by account
	away     bool
	asked    []string // the last part of each path
}

func (k *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
	w.Header().Set("Content-Type", "application/json")
	if k.away {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var answer any
	switch k.asked[len(k.asked)-1] {
	case "tokenreviews":
		var review authenticationv1.TokenReview
		_ = json.NewDecoder(r.Body).Decode(&review)
		if name := k.accounts[review.Spec.Token]; name != "" {
			review.Status.Authenticated = true
			review.Status.User = authenticationv1.UserInfo{Username: name, Groups: []string{"scrapers"}, Extra: map[string]authenticationv1.ExtraValue{"k": {"v"}}}
		}
		answer = review
	case "subjectaccessreviews":
		var review authorizationv1.SubjectAccessReview
		_ = json.NewDecoder(r.Body).Decode(&review)
		of := review.Spec
		review.Status.Allowed = k.may[of.User] && of.Groups[0] == "scrapers" && of.Extra["k"][0] == "v" &&
			*of.NonResourceAttributes == authorizationv1.NonResourceAttributes{Path: "/metrics", Verb: "get"}
		answer = review
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(answer) //nolint:errchkjson // a review of the API
}

// questions returns what was asked since the last call.
func (k *tokens) questions() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	asked := strings.Join(k.asked, " ")
	k.asked = nil
	return asked
}

func (k *tokens) set(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
}

const both = "tokenreviews subjectaccessreviews"

func protected(t *testing.T) (*access, *tokens) {
	t.Helper()
	k := &tokens{accounts: map[string]string{"good": "scraper", "weak": "nobody"}, may: map[string]bool{"scraper": true}}
	api := httptest.NewServer(k)
	t.Cleanup(api.Close)
	scheme := runtime.NewScheme()
	if err := authenticationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := authorizationv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(authenticationv1.SchemeGroupVersion.WithKind("TokenReview"), meta.RESTScopeRoot)
	mapper.Add(authorizationv1.SchemeGroupVersion.WithKind("SubjectAccessReview"), meta.RESTScopeRoot)
	c, err := client.New(&rest.Config{Host: api.URL, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON}}, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		t.Fatal(err)
	}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "metrics") })
	return Authorized(metrics, "/metrics", c, slog.New(slog.DiscardHandler)).(*access), k
}

func get(t *testing.T, h http.Handler, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if let := w.Code == http.StatusOK; let != (w.Body.String() == "metrics") {
		t.Errorf("%d with %q", w.Code, w.Body)
	}
	if (w.Code == http.StatusUnauthorized) != (w.Header().Get("WWW-Authenticate") != "") {
		t.Errorf("%d with header %v", w.Code, w.Header())
	}
	return w
}

func TestWhoMayGetMetrics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		authorization string
		code          int
		asked         string
	}{
		"no token":                       {"", http.StatusUnauthorized, ""},
		"an empty token":                 {"Bearer ", http.StatusUnauthorized, ""},
		"a password":                     {"Basic good", http.StatusUnauthorized, ""},
		"a made-up token":                {"Bearer x.y.z", http.StatusUnauthorized, "tokenreviews"},
		"an account without the right":   {"Bearer weak", http.StatusForbidden, both},
		"an account with the right":      {"Bearer good", http.StatusOK, both},
		"the scheme in another spelling": {"bearer  good", http.StatusOK, both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, api := protected(t)
			for i, asked := range []string{c.asked, ""} { // the second time the answer is known
				if code := get(t, h, c.authorization).Code; code != c.code {
					t.Errorf("time %d: %d, want %d", i+1, code, c.code)
				}
				if got := api.questions(); got != asked {
					t.Errorf("time %d: asked %q, want %q", i+1, got, asked)
				}
			}
		})
	}
}

// clock stands still unless it is set.
type clock struct{ time.Time }

func (c *clock) Now() time.Time { return c.Time }

// What an account loses it has for ten seconds more, and what it is given it gets after ten seconds.
func TestAnAnswerIsReusedForTenSeconds(t *testing.T) {
	t.Parallel()
	h, api := protected(t)
	now := clock{time.Unix(1_800_000_000, 0)}
	h.answers = cache.NewLRUExpireCacheWithClock(maxAnswers, &now)
	expect := func(what, token string, code int, asked string) {
		t.Helper()
		if got := get(t, h, "Bearer "+token).Code; got != code {
			t.Errorf("%s: %d, want %d", what, got, code)
		}
		if got := api.questions(); got != asked {
			t.Errorf("%s: asked %q, want %q", what, got, asked)
		}
	}
	expect("with the right", "good", http.StatusOK, both)
	expect("without the right", "weak", http.StatusForbidden, both)
	expect("unknown", "new", http.StatusUnauthorized, "tokenreviews")
	api.set(func() {
		api.may = map[string]bool{"nobody": true}
		api.accounts["new"] = "nobody"
	})
	now.Time = now.Add(10 * time.Second)
	expect("lost a moment ago", "good", http.StatusOK, "")
	expect("given a moment ago", "weak", http.StatusForbidden, "")
	expect("made a moment ago", "new", http.StatusUnauthorized, "")
	now.Time = now.Add(time.Nanosecond)
	expect("lost ten seconds ago", "good", http.StatusForbidden, both)
	expect("given ten seconds ago", "weak", http.StatusOK, both)
	expect("made ten seconds ago", "new", http.StatusOK, both)
}

// While the API server is away nobody new is let in, and who is known is for as long as an answer lives. That it was away is
// forgotten at once.
func TestTheAPIServerIsAway(t *testing.T) {
	t.Parallel()
	h, api := protected(t)
	now := clock{time.Unix(1_800_000_000, 0)}
	h.answers = cache.NewLRUExpireCacheWithClock(maxAnswers, &now)
	if code := get(t, h, "Bearer good").Code; code != http.StatusOK {
		t.Fatalf("%d before", code)
	}
	api.set(func() { api.away = true })
	for authorization, want := range map[string]int{
		"Bearer good": http.StatusOK, "Bearer weak": http.StatusServiceUnavailable, "Bearer x": http.StatusServiceUnavailable, "": http.StatusUnauthorized,
	} {
		if code := get(t, h, authorization).Code; code != want {
			t.Errorf("%q while it is away: %d, want %d", authorization, code, want)
		}
	}
	now.Time = now.Add(11 * time.Second)
	if code := get(t, h, "Bearer good").Code; code != http.StatusServiceUnavailable {
		t.Errorf("ten seconds later: %d", code)
	}
	api.set(func() { api.away = false })
	if code := get(t, h, "Bearer good").Code; code != http.StatusOK {
		t.Errorf("when it is back: %d", code)
	}
}

// Tokens that are tried one after the other fill no memory, and none of them is in it.
func TestManyTokens(t *testing.T) {
	t.Parallel()
	h, _ := protected(t)
	for i := range 3 * maxAnswers {
		get(t, h, fmt.Sprintf("Bearer %d", i))
		if len(h.answers.Keys()) > maxAnswers {
			t.Fatalf("%d answers are kept, want no more than %d", len(h.answers.Keys()), maxAnswers)
		}
	}
	if code := get(t, h, "Bearer good").Code; code != http.StatusOK {
		t.Errorf("beside them: %d", code)
	}
}
