package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/rest"
)

// Where objects are created, by namespace.
const (
	helmReleases = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/%s/helmreleases?dryRun=All"
	configMaps   = "/api/v1/namespaces/%s/configmaps?dryRun=All"
	daemonSets   = "/apis/apps/v1/namespaces/%s/daemonsets?dryRun=All"
)

// client creates objects by server-side dry run. It sends texts as they are, so that what it costs itself, on the same
// machine, is little and the same for all.
type client struct {
	http *http.Client
	base string
}

func newClient(config *rest.Config) (*client, error) {
	h, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	return &client{http: h, base: base.Scheme + "://" + base.Host}, nil
}

// create returns the status code of the answer. It is an error if it is neither 201 nor 403.
func (c *client) create(ctx context.Context, where, namespace string, object []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+fmt.Sprintf(where, namespace), bytes.NewReader(object))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && response.StatusCode != http.StatusCreated && response.StatusCode != http.StatusForbidden {
		err = fmt.Errorf("create in %s: status %d: %s", namespace, response.StatusCode, body)
	}
	return response.StatusCode, err
}
