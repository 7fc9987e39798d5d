package node_test

import (
	"encoding/base64"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/spegel-guard/spegel-guard/pkg/node"
)

func account(name string, secrets ...string) *corev1.ServiceAccount {
	a := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name}}
	for _, s := range secrets {
		a.ImagePullSecrets = append(a.ImagePullSecrets, corev1.LocalObjectReference{Name: s})
	}
	return a
}

func dockerConfig(name, config string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(config)},
	}
}

func dockercfg(name, config string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name}, Type: corev1.SecretTypeDockercfg,
		Data: map[string][]byte{corev1.DockerConfigKey: []byte(config)},
	}
}

const password = "hunter2-hunter2"

func auths(key string) string {
	auth := base64.StdEncoding.EncodeToString([]byte("reader:" + password))
	return `{"auths":{"` + key + `":{"auth":"` + auth + `"}}}`
}

func TestPullSecret(t *testing.T) {
	t.Parallel()
	auth := base64.StdEncoding.EncodeToString([]byte("reader:" + password))
	for name, test := range map[string]struct {
		objects []client.Object
		status  node.Status
		says    []string
	}{
		"named by the account": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", auths("harbor.example.com"))},
			node.Pass, []string{"Secret pull has credentials for harbor.example.com; ServiceAccounts that name it: default"},
		},
		"named by nobody": {
			[]client.Object{account("default"), dockerConfig("pull", auths("harbor.example.com"))},
			node.Warn, []string{"no ServiceAccount of namespace apps names it", `kubectl -n apps patch serviceaccount default -p '{"imagePullSecrets":[{"name":"pull"}]}'`},
		},
		"for another registry": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", auths("other.example.com"))},
			node.Fail, []string{"no Secret of namespace apps has credentials for harbor.example.com", "--docker-server=harbor.example.com"},
		},
		"named and not there": {
			[]client.Object{account("default", "pull")},
			node.Fail, []string{"Secret pull, which ServiceAccount default names, does not exist"},
		},
		"not JSON": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", `{"auths": `+password)},
			node.Fail, []string{"Secret pull, which ServiceAccount default names, holds no JSON"},
		},
		"of another type": {
			[]client.Object{account("default", "pull"), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "pull"}, Type: corev1.SecretTypeOpaque}},
			node.Fail, []string{"is not of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg"},
		},
		"of the old type": {
			[]client.Object{account("default", "pull"), dockercfg("pull", `{"https://harbor.example.com/v1/":{"auth":"`+auth+`"}}`)},
			node.Pass, []string{"Secret pull has credentials for harbor.example.com; ServiceAccounts that name it: default"},
		},
		"of the old type, named by nobody": {
			[]client.Object{account("default"), dockercfg("pull", `{"harbor.example.com":{"auth":"`+auth+`"}}`)},
			node.Warn, []string{"Secret pull has credentials for harbor.example.com, and no ServiceAccount"},
		},
		"of the old type, in the new form": {
			[]client.Object{account("default", "pull"), dockercfg("pull", auths("harbor.example.com"))},
			node.Fail, []string{"no Secret of namespace apps has credentials for harbor.example.com"},
		},
		"a mistake in another entry": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", `{"auths":{"https://u:`+password+`@other.example.com/v2":{"auth":"%%%`+password+`"},"harbor.example.com":{"auth":"`+auth+`"}}}`)},
			node.Fail, []string{
				"Secret pull, which ServiceAccount default names, has entries that can't be decoded, for other.example.com: the kubelet",
				"Secret pull has credentials for harbor.example.com", "make Secret pull anew",
			},
		},
		"another entry of another kind": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", `{"auths":{"other.example.com":{"auth":5},"harbor.example.com":{"auth":"`+auth+`"}}}`)},
			node.Fail, []string{"can't be decoded, for other.example.com", "Secret pull has credentials for harbor.example.com"},
		},
		"a mistake in the registry's own entry": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", `{"auths":{"harbor.example.com":{"auth":"cmVhZGVy"}}}`)},
			node.Fail, []string{"can't be decoded, for harbor.example.com", "Secret pull has an entry for harbor.example.com without credentials in it"},
		},
		"a base64 without padding": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", `{"auths":{"harbor.example.com":{"auth":"`+strings.TrimRight(auth, "=")+`"}}}`)},
			node.Pass, []string{"Secret pull has credentials"},
		},
		"only an identity token": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", `{"auths":{"harbor.example.com":{"identitytoken":"`+password+`"}}}`)},
			node.Fail, []string{"without credentials in it"},
		},
		"no credentials in the entry": {
			[]client.Object{account("default", "pull"), dockerConfig("pull", `{"auths":{"harbor.example.com":{"email":"a@b"}}}`)},
			node.Fail, []string{"without credentials in it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := examine(t, options{Cluster: cluster(test.objects...), Registries: registries(t, "harbor.example.com"), Dial: nowhere, Lookup: unknown})
			want(t, results["pull-secret"], test.status, test.says...)
			for _, r := range results {
				if text := printed(r); contains(text, password) || contains(text, auth) || contains(text, "reader") {
					t.Errorf("%s prints credentials:\n%s", r.Check, text)
				}
			}
		})
	}
}

// A Secret may be for a part of a registry. The kubelet takes it by what the image's name begins with.
func TestPullSecretOfAPartOfARegistry(t *testing.T) {
	t.Parallel()
	team := dockerConfig("pull", auths("harbor.example.com/team"))
	named := []client.Object{account("default", "pull"), team}
	const only = "Secret pull has credentials only for images of harbor.example.com whose names begin with harbor.example.com/team; ServiceAccounts that name it: default"
	for name, test := range map[string]struct {
		image   string
		objects []client.Object
		status  node.Status
		says    []string
	}{
		"no image":                       {"", named, node.Warn, []string{only, "name an image with --image"}},
		"an image of it":                 {"harbor.example.com/team/app:v1", named, node.Pass, []string{"Secret pull has credentials for harbor.example.com;"}},
		"an image beside it":             {"harbor.example.com/other/app:v1", named, node.Fail, []string{"no Secret of namespace apps has credentials for harbor.example.com"}},
		"no image, and named by nobody":  {"", []client.Object{account("default"), team}, node.Warn, []string{"Secret pull has credentials for images of harbor.example.com whose names begin with harbor.example.com/team, and no ServiceAccount", "patch serviceaccount default"}},
		"beside one for all":             {"", []client.Object{account("default", "pull", "all"), team, dockerConfig("all", auths("harbor.example.com"))}, node.Pass, []string{"Secret all has credentials for harbor.example.com;"}},
		"one Secret for a part and all":  {"", []client.Object{account("default", "pull"), dockerConfig("pull", auths(`harbor.example.com/team":{"auth":"YTpi"},"*.example.com`))}, node.Pass, []string{"Secret pull has credentials for harbor.example.com;"}},
		"a part of a pattern's registry": {"", []client.Object{account("default", "pull"), dockerConfig("pull", auths("https://*.example.com/v2/team"))}, node.Warn, []string{only}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{Cluster: cluster(test.objects...), Registries: registries(t, "harbor.example.com"), Image: test.image, Dial: nowhere, Lookup: unknown}
			want(t, examine(t, o)["pull-secret"], test.status, test.says...)
		})
	}
}

// An image of a registry that nobody calls private may be public, and needs no Secret then.
func TestPullSecretOfAPublicImage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		private []string
		objects []client.Object
		status  node.Status
		says    string
	}{
		"no Secret":                       {nil, []client.Object{account("default")}, node.Skip, "no ServiceAccount of namespace apps names a Secret with credentials for ghcr.io: a public image needs none"},
		"a Secret for it":                 {nil, []client.Object{account("default", "pull"), dockerConfig("pull", auths("ghcr.io"))}, node.Pass, "Secret pull has credentials for ghcr.io"},
		"an entry without credentials":    {nil, []client.Object{account("default", "pull"), dockerConfig("pull", `{"auths":{"ghcr.io":{}}}`)}, node.Skip, "a public image needs none"},
		"a Secret that is not there":      {nil, []client.Object{account("default", "pull")}, node.Warn, "names, does not exist"},
		"a Secret of another type":        {nil, []client.Object{account("default", "pull"), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "pull"}, Type: corev1.SecretTypeOpaque}}, node.Warn, "is not of type"},
		"a Secret that the kubelet trips": {nil, []client.Object{account("default", "pull"), dockerConfig("pull", `{"auths":{"quay.io":{"auth":"%"}}}`)}, node.Fail, "pulls nothing for the account's pods"},
		"beside a private registry":       {[]string{"harbor.example.com"}, []client.Object{account("default", "pull"), dockerConfig("pull", auths("harbor.example.com"))}, node.Pass, "credentials for ghcr.io: a public image needs none"},
		"and it is private":               {[]string{"ghcr.io"}, []client.Object{account("default")}, node.Fail, "no Secret of namespace apps has credentials for ghcr.io"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{Cluster: cluster(test.objects...), Registries: registries(t, test.private...), Image: "ghcr.io/team/app:v1", Dial: nowhere, Lookup: unknown}
			want(t, examine(t, o)["pull-secret"], test.status, test.says)
		})
	}
}
