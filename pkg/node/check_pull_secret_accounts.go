package node

import (
	"context"
	"errors"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/keyring"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/pages"
)

// serviceAccounts are the names of the Secrets that each ServiceAccount names.
type serviceAccounts map[string][]string

func (a serviceAccounts) naming(secret string) []string {
	var out []string
	for _, account := range slices.Sorted(maps.Keys(a)) {
		if slices.Contains(a[account], secret) {
			out = append(out, redact.Name(account))
		}
	}
	return out
}

func (x *run) accounts(ctx context.Context) (serviceAccounts, error) {
	out := serviceAccounts{}
	in := []client.ListOption{client.InNamespace(x.Cluster.Namespace)}
	err := pages.Each(ctx, x.Cluster.Reader, in, func(page *corev1.ServiceAccountList) error {
		for i := range page.Items {
			for _, ref := range page.Items[i].ImagePullSecrets {
				out[page.Items[i].Name] = append(out[page.Items[i].Name], ref.Name)
			}
		}
		return nil
	})
	return out, err
}

// namedSecrets reads the Secrets that ServiceAccounts name.
func (x *run) namedSecrets(ctx context.Context, accounts serviceAccounts, f *Result) []keyring.Secret {
	names := map[string]bool{}
	for _, secrets := range accounts {
		for _, name := range secrets {
			names[name] = true
		}
	}
	lost := Fail
	if !slices.ContainsFunc(x.targets, x.isPrivate) { // the kubelet goes on without the Secret
		lost = Warn
	}
	var out []keyring.Secret
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var secret corev1.Secret
		got := x.Cluster.Reader.Get(ctx, client.ObjectKey{Namespace: x.Cluster.Namespace, Name: name}, &secret)
		s, wrong := keyring.Parse(name, string(secret.Type), secret.Data)
		status, what, fix := Fail, "", "make Secret %s anew with kubectl create secret docker-registry"
		switch {
		case apierrors.IsNotFound(got):
			status, what, fix = lost, "does not exist", "create Secret %s, or take it out of imagePullSecrets"
		case got != nil:
			f.add(Warn, "Secret %s, which ServiceAccount %s names, can't be read: %s", redact.Name(name), list(accounts.naming(name)), redact.Line(got.Error()))
			continue
		case errors.Is(wrong, keyring.ErrType):
			status, what = lost, wrong.Error()
		case wrong != nil:
			what = wrong.Error()
		case len(s.Broken) > 0:
			what = "has entries that can't be decoded, for " + few(s.Broken) + ": the kubelet wants auth to be the base64 of user:password, and else pulls nothing for the account's pods"
		}
		if got == nil && wrong == nil {
			out = append(out, s)
		}
		if what != "" {
			f.add(status, "Secret %s, which ServiceAccount %s names, %s", redact.Name(name), list(accounts.naming(name)), what)
			f.fix(fix, word(name))
		}
	}
	return out
}
