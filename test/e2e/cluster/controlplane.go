package cluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// environment describes the control plane to envtest: RBAC, the default admission plugins but ServiceAccount
// (no controller makes service accounts here), everything below the cluster's directory.
func (c *Cluster) environment(assets string, o Options) (*envtest.Environment, error) {
	env := &envtest.Environment{
		CRDDirectoryPaths:        o.CRDs,
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: startTimeout,
	}
	env.ControlPlane.KubectlPath = c.kubectl
	env.ControlPlane.Etcd = &envtest.Etcd{DataDir: filepath.Join(c.dir, "etcd")}
	api := env.ControlPlane.GetAPIServer()
	api.CertDir = filepath.Join(c.dir, "kube-apiserver")
	for _, dir := range []string{env.ControlPlane.Etcd.DataDir, api.CertDir} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, fmt.Errorf("prepare a control plane: %w", err)
		}
	}

	var err error
	if env.ControlPlane.Etcd.Path, err = c.guard.wrap(filepath.Join(assets, "etcd")); err != nil {
		return nil, err
	}
	if api.Path, err = c.guard.wrap(filepath.Join(assets, "kube-apiserver")); err != nil {
		return nil, err
	}
	etcdLog, err := os.Create(c.logFile("etcd"))
	if err != nil {
		return nil, fmt.Errorf("prepare a control plane: %w", err)
	}
	env.ControlPlane.Etcd.Out, env.ControlPlane.Etcd.Err = etcdLog, etcdLog
	apiLog, err := os.Create(c.logFile("kube-apiserver"))
	if err != nil {
		return nil, fmt.Errorf("prepare a control plane: %w", err)
	}
	api.Out, api.Err = apiLog, apiLog

	// Without these two, kube-apiserver looks for a default route to advertise, which a machine without
	// a network has not, and publishes an address that nothing here needs.
	api.Configure().Set("advertise-address", "127.0.0.1").Set("endpoint-reconciler-type", "none")
	if o.Audit != nil {
		return env, c.audit(api, o.Audit)
	}
	return env, nil
}

// lastLogs returns the last lines of both logs, for an error.
func (c *Cluster) lastLogs() string {
	const lines = 5
	var out bytes.Buffer
	for _, name := range []string{"etcd", "kube-apiserver"} {
		content, err := os.ReadFile(c.logFile(name))
		if err != nil {
			continue
		}
		all := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
		for _, line := range all[max(0, len(all)-lines):] {
			fmt.Fprintf(&out, "%s: %s\n", name, line)
		}
	}
	return out.String()
}

func (c *Cluster) logFile(program string) string {
	return filepath.Join(c.dir, program+".log")
}
