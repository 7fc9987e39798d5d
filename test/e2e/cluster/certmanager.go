package cluster

// CertManager is cert-manager's own controllers and cainjector beside the control plane: what Issuers of type ca and
// selfSigned and their Certificates need. Cluster.Stop stops it.
type CertManager struct{ program *program }

// StartCertManager starts cert-manager, which "make assets-e2e" builds, as an administrator. It does not wait: what it does
// shows in the objects.
func (c *Cluster) StartCertManager() (*CertManager, error) {
	p, err := c.start("cert-manager", nil, c.Kubeconfig())
	if err != nil {
		return nil, err
	}
	c.onStop(p.stop)
	return &CertManager{program: p}, nil
}

// Logs returns what cert-manager has logged.
func (m *CertManager) Logs() string { return m.program.logs.String() }

// Stop ends it. Certificates stay as they are.
func (m *CertManager) Stop() error { return m.program.stop() }
