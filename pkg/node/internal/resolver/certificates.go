package resolver

import (
	"context"
	"crypto/tls"
	"fmt"
	"path"
	"slices"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
)

// certificates has a client trust what the node trusts and what a hosts file names for its host. Of the files of a client's
// certificate it is only seen whether they are there: keys are not used.
func (r *Resolver) certificates(ctx context.Context, folder string, m containerd.Mirror, c *tls.Config) error {
	if r.trusted == nil && len(m.CA)+len(m.Client) == 0 {
		return nil
	}
	if c.RootCAs == nil {
		pool, err := r.trusted.pool()
		if err != nil {
			return err
		}
		c.RootCAs = pool
	}
	for i, name := range slices.Concat(m.CA, m.Client) {
		what := "CA cert"
		if i >= len(m.CA) {
			what = "CERT file"
		}
		if !path.IsAbs(name) {
			name = path.Join(folder, name)
		}
		data, err := r.Node.Files.ReadFile(ctx, name, nodefs.MaxFile)
		switch {
		case nodefs.IsMissing(err):
			return fmt.Errorf("unable to read %s %q, which does not exist", what, redact.Path(name))
		case err != nil:
			return nodefs.Unread(name, err)
		case i < len(m.CA) && !c.RootCAs.AppendCertsFromPEM(data):
			return fmt.Errorf("unable to load %s %q", what, redact.Path(name))
		}
	}
	return nil
}
