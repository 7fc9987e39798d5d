// Package policy reads the policy file: which registries are private, how severe each rule is, which
// charts are taken for Spegel's.
//
// A file is read strictly and as a whole: every mistake in it is reported with file, line and field,
// and a file with a mistake is never used in part. Of the project it may import pkg/validate and
// pkg/yamlerror.
package policy

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spegel-guard/spegel-guard/pkg/validate"
)

// The type of the file, as its first two fields must say.
const (
	APIVersion = "spegel-guard.dev/v1alpha1"
	Kind       = "Policy"
)

// maxSize bounds a policy file, in bytes. A ConfigMap holds no more.
const maxSize = 1 << 20

// Unresolved says what to do with a finding that an unreadable reference could still turn.
type Unresolved string

// The two answers to an unresolved finding.
const (
	UnresolvedWarn Unresolved = "warn"
	UnresolvedDeny Unresolved = "deny"
)

// Policy is a policy in force. It is never changed once it is made.
type Policy struct {
	validate.Policy
	// Charts are the chart names, or full oci:// or https:// URLs of charts, taken for Spegel's.
	Charts     []string
	Unresolved Unresolved
}

// Default is the policy without a file.
func Default() *Policy {
	return &Policy{Charts: []string{"spegel"}, Unresolved: UnresolvedWarn}
}

// Load reads a policy file; path "" stands for no file. The private registries that come from
// elsewhere, such as a flag, are added to those of the file. The error holds one line for each
// mistake, as file:line: field: what is wrong.
func Load(path string, privateRegistries []string) (*Policy, error) {
	p, _, err := load(path, privateRegistries)
	return p, err
}

// load is Load, with the file as it was read.
func load(path string, privateRegistries []string) (*Policy, []byte, error) {
	p := Default()
	var data []byte
	if path != "" {
		var err error
		if data, err = ReadFile(path, maxSize); err != nil {
			return nil, nil, fmt.Errorf("policy: %w", err)
		}
		if p, err = Parse(path, data); err != nil {
			return nil, data, err
		}
	}
	if err := p.addPrivate(privateRegistries); err != nil {
		return nil, data, err
	}
	return p, data, nil
}

// addPrivate adds registries to a policy that nobody shares yet. One that the policy has already is
// not added again.
func (p *Policy) addPrivate(names []string) error {
	var errs []error
	have := map[string]bool{}
	for _, r := range p.PrivateRegistries {
		have[r.String()] = true
	}
	for _, name := range names {
		r, err := validate.ParseRegistry(strings.TrimSpace(name))
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("private registry %s: %w", quote(name), err))
		case !have[r.String()]:
			have[r.String()] = true
			p.PrivateRegistries = append(p.PrivateRegistries, r)
		}
	}
	return errors.Join(errs...)
}

// ReadFile reads a regular file of at most so many bytes; a pipe would be waited for.
func ReadFile(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil || info.IsDir(): // reading says why not
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > most:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return os.ReadFile(name)
}

// quote shows what somebody wrote as it is, in ASCII, unless it is long or may hold a password.
func quote(s string) string {
	const long = 64
	if len(s) > long || strings.ContainsAny(s, "@?") {
		return validate.Quote(s)
	}
	return strconv.QuoteToASCII(s)
}
