package cluster

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// ServiceAccountKubeconfig writes a kubeconfig file for a ServiceAccount and returns its path. The user has
// the ServiceAccount's name and groups, and so exactly the rights that RoleBindings and ClusterRoleBindings
// in the cluster give it; the object itself need not exist. The file lives as long as the cluster.
func (c *Cluster) ServiceAccountKubeconfig(namespace, name string) (string, error) {
	user, err := c.env.AddUser(envtest.User{
		Name:   "system:serviceaccount:" + namespace + ":" + name,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace},
	}, nil)
	if err != nil {
		return "", fmt.Errorf("make a kubeconfig for service account %s/%s: %w", namespace, name, err)
	}
	content, err := user.KubeConfig()
	if err != nil {
		return "", fmt.Errorf("make a kubeconfig for service account %s/%s: %w", namespace, name, err)
	}
	path := filepath.Join(c.dir, "kubeconfig-"+namespace+"-"+name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", fmt.Errorf("make a kubeconfig for service account %s/%s: %w", namespace, name, err)
	}
	return path, nil
}
