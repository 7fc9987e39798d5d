package cluster

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"
)

// AuditPolicy records every request once it is answered: who asked, what for and the answer's status, and
// for the resources named also the bodies of request and response.
func AuditPolicy(bodies ...schema.GroupResource) *auditv1.Policy {
	p := &auditv1.Policy{
		TypeMeta:   metav1.TypeMeta{APIVersion: auditv1.SchemeGroupVersion.String(), Kind: "Policy"},
		OmitStages: []auditv1.Stage{auditv1.StageRequestReceived, auditv1.StageResponseStarted},
	}
	for _, r := range bodies {
		p.Rules = append(p.Rules, auditv1.PolicyRule{
			Level:     auditv1.LevelRequestResponse,
			Resources: []auditv1.GroupResources{{Group: r.Group, Resources: []string{r.Resource}}},
		})
	}
	p.Rules = append(p.Rules, auditv1.PolicyRule{Level: auditv1.LevelMetadata})
	return p
}

// AuditEvents returns what the audit log holds so far, oldest first. The API server writes an event before it
// ends the request, so a request that was answered is in it. It is an error if the cluster was started
// without Options.Audit.
func (c *Cluster) AuditEvents() ([]auditv1.Event, error) {
	file, err := os.Open(c.auditLog())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("read the audit log: the cluster was started without an audit policy")
	}
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer func() { _ = file.Close() }()

	var events []auditv1.Event
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// A last line without an end is still being written.
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		var event auditv1.Event
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("read the audit log: event %d: %w", len(events)+1, err)
		}
		events = append(events, event)
	}
}

// audit turns the audit log on. Mode blocking makes the log complete at the time of the answer.
func (c *Cluster) audit(api *envtest.APIServer, policy *auditv1.Policy) error {
	content, err := yaml.Marshal(policy)
	if err != nil {
		return fmt.Errorf("write the audit policy: %w", err)
	}
	file := filepath.Join(c.dir, "audit-policy.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return fmt.Errorf("write the audit policy: %w", err)
	}
	api.Configure().
		Set("audit-policy-file", file).
		Set("audit-log-path", c.auditLog()).
		Set("audit-log-mode", "blocking")
	return nil
}

func (c *Cluster) auditLog() string {
	return filepath.Join(c.dir, "audit.log")
}
