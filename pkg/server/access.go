package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// answerLife is how long an answer of the API server is reused: what was taken from an account counts this much later.
	answerLife = 10 * time.Second
	// maxAnswers bounds the answers that are kept. A cluster has one or two accounts that scrape.
	maxAnswers = 64
	// askTimeout bounds the questions about one request.
	askTimeout = 5 * time.Second
)

// access asks the API server who a token belongs to and whether that account may get a path, as kube-rbac-proxy does.
type access struct {
	next    http.Handler
	path    string
	api     client.Writer
	log     *slog.Logger
	away    rate.Sometimes        // logs that the API server did not answer
	answers *cache.LRUExpireCache // by the hash of a token: 200 if a request with it is let in, else 401 or 403
}

// Authorized lets a request through whose bearer token belongs to an account that may get the path. Without a token, or with one
// that the API server does not know, the answer is 401, without the right 403, and 503 while the API server can't be asked.
func Authorized(next http.Handler, path string, api client.Writer, log *slog.Logger) http.Handler {
	return &access{
		next: next, path: path, api: api, log: log, away: rate.Sometimes{Interval: logInterval}, answers: cache.NewLRUExpireCache(maxAnswers),
	}
}

func (a *access) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	code := http.StatusUnauthorized
	if token = strings.TrimSpace(token); token != "" && strings.EqualFold(scheme, "Bearer") {
		code = a.codeFor(r.Context(), token)
	}
	switch code {
	case http.StatusOK:
		a.next.ServeHTTP(w, r)
		return
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	http.Error(w, http.StatusText(code), code)
}

// codeFor asks, unless it did so a moment ago. That the API server gave no answer is not kept.
func (a *access) codeFor(ctx context.Context, token string) int {
	key := sha256.Sum256([]byte(token))
	if code, found := a.answers.Get(key); found {
		return code.(int)
	}
	code, err := a.ask(ctx, token)
	if err != nil {
		a.away.Do(func() { a.log.Error("the API server could not be asked about a token", "error", err) })
		return http.StatusServiceUnavailable
	}
	a.answers.Add(key, code, answerLife)
	return code
}

func (a *access) ask(ctx context.Context, token string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	who := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	if err := a.api.Create(ctx, who); err != nil {
		return 0, fmt.Errorf("token review: %w", err)
	}
	if !who.Status.Authenticated {
		return http.StatusUnauthorized, nil
	}
	user := who.Status.User
	may := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: map[string]authorizationv1.ExtraValue{},
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: a.path, Verb: "get"},
	}}
	for key, values := range user.Extra {
		may.Spec.Extra[key] = authorizationv1.ExtraValue(values)
	}
	if err := a.api.Create(ctx, may); err != nil {
		return 0, fmt.Errorf("subject access review: %w", err)
	}
	if !may.Status.Allowed {
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}
