package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/keyring"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/pages"
)

// naming are the names of the ServiceAccounts that name a Secret, by its name.
type naming map[string][]string

func (x *run) pullSecret(ctx context.Context) Result {
	accounts, err := x.accounts(ctx)
	if err != nil {
		return skip("the ServiceAccounts of namespace %s can't be read: %s", redact.Name(x.Cluster.Namespace), redact.Line(err.Error()))
	}
	var f Result
	named := x.namedSecrets(ctx, accounts, &f)
	for _, target := range x.targets {
		if !x.credentials(target, named, accounts, &f) {
			x.unnamed(ctx, target, accounts, &f)
		}
	}
	return f
}

func (x *run) accounts(ctx context.Context) (naming, error) {
	out := naming{}
	in := []client.ListOption{client.InNamespace(x.Cluster.Namespace)}
	err := pages.Each(ctx, x.Cluster.Reader, in, func(page *corev1.ServiceAccountList) error {
		for i := range page.Items {
			for _, ref := range page.Items[i].ImagePullSecrets {
				out[ref.Name] = append(out[ref.Name], redact.Name(page.Items[i].Name))
			}
		}
		return nil
	})
	for secret, accounts := range out {
		out[secret] = slices.Compact(slices.Sorted(slices.Values(accounts)))
	}
	return out, err
}

// namedSecrets reads the Secrets that ServiceAccounts name.
func (x *run) namedSecrets(ctx context.Context, accounts naming, f *Result) (out []keyring.Secret) {
	lost := Fail
	if !slices.ContainsFunc(x.targets, x.isPrivate) { // the kubelet goes on without the Secret
		lost = Warn
	}
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		var secret corev1.Secret
		got := x.Cluster.Reader.Get(ctx, client.ObjectKey{Namespace: x.Cluster.Namespace, Name: name}, &secret)
		s, wrong := keyring.Parse(name, string(secret.Type), secret.Data)
		var what string
		status, fix := Fail, "make Secret "+word(name)+" anew with kubectl create secret docker-registry"
		switch {
		case apierrors.IsNotFound(got):
			status, what, fix = lost, "does not exist", "create Secret "+word(name)+", or take it out of imagePullSecrets"
		case got != nil:
			status, what, fix = Warn, "can't be read: "+redact.Line(got.Error()), ""
		case errors.Is(wrong, keyring.ErrType):
			status, what = lost, wrong.Error()
		case wrong != nil:
			what = wrong.Error()
		default:
			out = append(out, s)
			if len(s.Broken) == 0 {
				continue
			}
			what = "has entries that can't be decoded, for " + few(s.Broken) + ": the kubelet wants auth to be the base64 of user:password, and else pulls nothing for the account's pods"
		}
		f.add(status, "Secret %s, which ServiceAccount %s names, %s", redact.Name(name), list(accounts[name]), what)
		f.fix("%s", fix)
	}
	return out
}

// credentials judges what the Secrets that ServiceAccounts name have for a registry; ok is false where that is nothing.
func (x *run) credentials(target string, named []keyring.Secret, accounts naming, f *Result) (ok bool) {
	private := x.isPrivate(target)
	all := slices.ContainsFunc(named, func(s keyring.Secret) bool { _, all, _ := x.offer(&s, target); return all })
	for _, s := range named {
		offer, whole, empty := x.offer(&s, target)
		switch {
		case whole:
			f.add(Pass, "Secret %s has credentials for %s; ServiceAccounts that name it: %s", redact.Name(s.Name), offer, few(accounts[s.Name]))
		case !private: // without credentials it is asked as by anybody
			continue
		case empty:
			f.add(Fail, "Secret %s has an entry for %s without credentials in it", redact.Name(s.Name), redact.Name(target))
			f.fix("%s", x.createSecret(target))
		case offer != "" && !all:
			f.add(Warn, "Secret %s has credentials only for %s; ServiceAccounts that name it: %s", redact.Name(s.Name), offer, few(accounts[s.Name]))
			f.fix("name an image with --image to learn whether they are for it")
		default:
			continue
		}
		ok = true
	}
	if !ok && !private {
		f.add(Skip, "no ServiceAccount of namespace %s names a Secret with credentials for %s: a public image needs none; if this one is private, name the registry with --private-registry",
			redact.Name(x.Cluster.Namespace), redact.Name(target))
	}
	return ok || !private
}

// offer is for what of a registry a Secret has credentials, and whether that is all that is asked for: the image, where it is known, or
// else all of the registry. Empty says that the kubelet takes an entry without any.
func (x *run) offer(s *keyring.Secret, target string) (what string, whole, empty bool) {
	image, known := target+"/", x.image != nil && reference.Domain(x.image) == target
	if known {
		image = x.image.Name()
	}
	covers, whole := s.For(image)
	if whole {
		what = redact.Name(target)
	} else if scopes := s.Scopes(target); !known && len(scopes) > 0 {
		what = "images of " + redact.Name(target) + " whose names begin with " + few(scopes)
	}
	return what, whole, covers && !whole
}

// unnamed looks for a Secret that exists and that no ServiceAccount names.
func (x *run) unnamed(ctx context.Context, target string, accounts naming, f *Result) {
	found := map[string]string{} // by name: what of
	var err error
	for _, form := range []string{keyring.DockerConfig, keyring.DockerConfigJSON} {
		in := []client.ListOption{client.InNamespace(x.Cluster.Namespace), client.MatchingFields{"type": form}}
		err = errors.Join(err, pages.Each(ctx, x.Cluster.Reader, in, func(page *corev1.SecretList) error {
			for i := range page.Items {
				secret := &page.Items[i]
				s, err := keyring.Parse(secret.Name, string(secret.Type), secret.Data)
				if offer, _, _ := x.offer(&s, target); err == nil && offer != "" && len(s.Broken)+len(accounts[s.Name]) == 0 {
					found[s.Name] = offer
				}
			}
			return nil
		}))
	}
	namespace := redact.Name(x.Cluster.Namespace)
	switch {
	case err != nil:
		f.add(Warn, "no ServiceAccount of namespace %s names a Secret for %s; whether there is one can't be seen: %s", namespace, redact.Name(target), redact.Line(err.Error()))
	case len(found) > 0:
		first := slices.Sorted(maps.Keys(found))[0]
		f.add(Warn, "Secret %s has credentials for %s, and no ServiceAccount of namespace %s names it", redact.Name(first), found[first], namespace)
		f.fix(`kubectl -n %s patch serviceaccount default -p '{"imagePullSecrets":[{"name":"%s"}]}'`, word(x.Cluster.Namespace), word(first))
		return
	default:
		f.add(Fail, "no Secret of namespace %s has credentials for %s", namespace, redact.Name(target))
	}
	f.fix("%s", x.createSecret(target))
}

func (x *run) createSecret(target string) string {
	return fmt.Sprintf("kubectl -n %s create secret docker-registry <name> --docker-server=%s --docker-username=<user> --docker-password=<password>\n"+
		`kubectl -n %[1]s patch serviceaccount default -p '{"imagePullSecrets":[{"name":"<name>"}]}'`, word(x.Cluster.Namespace), word(target))
}
