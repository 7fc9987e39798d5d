package node

import (
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"golang.org/x/sync/errgroup"

	"github.com/spegel-guard/spegel-guard/pkg/node/internal/containerd"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/nodefs/talosctl"
	"github.com/spegel-guard/spegel-guard/pkg/node/internal/redact"
	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// Files reads the files of one node.
type Files = nodefs.Files

// OpenRoot reads a node's files below a folder of this machine: / on the node itself, or where a pod has
// the node's folders mounted. Close ends it.
func OpenRoot(dir string) (*nodefs.Root, error) { return nodefs.OpenRoot(dir) }

// NewTalos reads a node's files through talosctl, a file name or looked up on PATH, by the address that it knows the node by.
func NewTalos(program, node string) (*talosctl.Node, error) { return talosctl.New(program, node) }

// OpenBundle reads an archive: what "talosctl support" writes, or a tar or tar.gz of a node's files. It returns one Files for each
// node in it.
func OpenBundle(ctx context.Context, name string) ([]Files, error) {
	return nodefs.OpenBundle(ctx, name)
}

// Options say what is examined. What is nil or empty is not there, and the checks that need it are skipped with
// the reason.
type Options struct {
	Cluster    *Cluster
	Registries []validate.Registry          // the private ones
	Severities map[string]validate.Severity // of the policy, by rule: what it lowers is lowered here
	Image      string                       // as a pod names it

	// Lookup resolves a host name; nil is the resolver of this machine.
	Lookup func(ctx context.Context, host string) ([]string, error)
	// Dial connects to a registry; nil is the network of this machine.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the time; nil is that of the files, or else of this machine.
	Now func() time.Time
}

// Bounds on one check, on all of a node, and on all nodes of a run.
const (
	checkTimeout = time.Minute
	nodeTimeout  = 4 * time.Minute
	runTimeout   = 10 * time.Minute
	// atOnce is how many nodes are examined at a time: they wait for the network, and not for each other.
	atOnce = 4
)

// Examine examines several nodes with the same options and returns the results of each, in their order. The whole takes
// no longer than runTimeout: a node whose turn does not come has all its checks skipped, with the reason.
func Examine(ctx context.Context, nodes []Files, o Options) ([][]Result, error) {
	end := time.Now().Add(runTimeout)
	out := make([][]Result, len(nodes))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, files := range nodes {
		group.Go(func() (err error) {
			out[i], err = examineWithin(ctx, files, o, min(time.Until(end), nodeTimeout))
			return err
		})
	}
	return out, group.Wait()
}

// examineWithin runs all checks on a node, for at most so long, and returns their results in the order of Checks.
// An error means that the options make no sense; what can't be read is a result.
func examineWithin(ctx context.Context, files Files, o Options, limit time.Duration) ([]Result, error) {
	x, err := newRun(files, o)
	if err != nil {
		return nil, err
	}
	var results []Result
	all, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, c := range Checks() {
		if all.Err() != nil && ctx.Err() == nil {
			late := skip("no time was left for it: a node gets %s, and all nodes of a run get %s; name fewer", nodeTimeout, runTimeout)
			late.Check = c.ID
			results = append(results, late)
			continue
		}
		results = append(results, x.check(all, c))
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// run is the state of one run of the checks on one node.
type run struct {
	Options
	Files   Files // nil where no node is looked at
	node    *containerd.Node
	image   reference.Named // nil for none
	targets []string        // hosts of registries, as an image names them: of the image, and the private ones that are no pattern
	// what the cluster runs of Spegel, or why it says nothing, once it was asked
	placements []Placement
	placed     error
	asked      bool
}

func newRun(files Files, o Options) (*run, error) {
	x := &run{Options: o, Files: files, node: &containerd.Node{Files: files, Dial: o.Dial}}
	if o.Image != "" {
		named, err := reference.ParseNormalizedNamed(o.Image)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", redact.Argument(o.Image), err)
		}
		// The parser takes a host with an underscore for a folder, and any digits for a port.
		if _, err := validate.ParseRegistry(reference.Domain(named)); err != nil {
			return nil, fmt.Errorf("image %s: its host is none: %w", redact.Argument(o.Image), err)
		}
		x.image = reference.TagNameOnly(named)
		x.targets = append(x.targets, reference.Domain(named))
	}
	for _, r := range o.Registries {
		if host := r.String(); !strings.HasPrefix(host, "*.") && !slices.Contains(x.targets, host) {
			x.targets = append(x.targets, host)
		}
	}
	return x, nil
}

// check runs one check within its time. A panic in it is a result too: it must not take the other
// checks with it.
func (x *run) check(ctx context.Context, c Check) (r Result) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			r = Result{Status: Fail, Evidence: []string{redact.Line(fmt.Sprintf("the check itself failed, please report it: %v", p)), redact.Line(string(debug.Stack()))}}
		}
		r.Check = c.ID
	}()
	if lacks := x.lacks(c.needs); lacks != "" {
		return skip("%s", lacks)
	}
	r = c.run(x, ctx)
	r.Evidence = shorten(r.Evidence)
	r.Fix = strings.Join(shorten(strings.Split(r.Fix, "\n")), "\n")
	return r
}

// shorten keeps the beginning of what would be too long to be read, and the end, where a check may have
// its verdict; in between it says how much is left out.
func shorten(lines []string) []string {
	const first, last = 20, 5
	if len(lines) <= first+last+1 {
		return lines
	}
	out := append(slices.Clone(lines[:first]), fmt.Sprintf("(%d more lines like these are left out here)", len(lines)-first-last))
	return append(out, lines[len(lines)-last:]...)
}

// now is the time that ages are measured by.
func (x *run) now() time.Time {
	switch {
	case x.Now != nil:
		return x.Now()
	case x.Files != nil:
		return x.Files.Now()
	}
	return time.Now()
}

// hostsDirs are the directories that containerd reads.
func (x *run) hostsDirs(ctx context.Context) *containerd.HostsDirs {
	return x.node.HostsDirs(ctx, x.written(ctx))
}

// resolve is whom containerd would ask for images of a registry.
func (x *run) resolve(ctx context.Context, host string) (*containerd.Resolution, error) {
	return x.node.Resolve(ctx, x.hostsDirs(ctx), host)
}

// isPrivate reports whether a host, as an image names it, is a private registry.
func (x *run) isPrivate(host string) bool {
	return slices.ContainsFunc(x.Registries, func(r validate.Registry) bool { return r.Covers(host) })
}
